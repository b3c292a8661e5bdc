"""The page in Chromium: tables, charts, long parts, phones, and what it never does."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page
from report_pages import write_report

from ugbench.runs.origin import Origin
from ugbench.runs.run import Run, list_runs
from ugbench.scoring import record

HOSTILE = """"><img src=x onerror=window.__hacked=1></script><script>window.__hacked=1</script>&amp;' onload='x"""
STEM = """"><img onerror=window.__hacked=1><script>&'"""  # a file's name cannot hold a slash
Make = Callable[..., Run]


def test_tables_sort_by_click_and_by_key_with_what_is_missing_last(opened: Page) -> None:
    table = opened.locator(".scores table").first

    def names() -> list[str]:
        return table.locator("tbody th").all_inner_texts()

    head = table.locator("thead th", has_text="KID")
    assert names() == ["identity", "cyclegan", "ugatit"]
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert names() == ["identity", "ugatit", "cyclegan"]
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert names() == ["cyclegan", "ugatit", "identity"]
    other = table.locator("thead th", has_text="FID")
    for _ in range(2):
        other.get_by_role("button").press("Space")
        assert names()[0] == "cyclegan"
    assert head.get_attribute("aria-sort") is None


def test_the_best_is_a_method_and_every_protocol_is_in_the_caption(opened: Page) -> None:
    table = opened.locator(".scores table").first
    assert table.locator("tr", has=opened.locator("strong")).locator("th").all_inner_texts() == ["ugatit"]
    assert "protocol target: kid, fid" in table.locator("caption").inner_text()
    assert table.locator("svg[aria-label='95 % interval 8 to 12']").count() == 1


def test_curves_rho_and_scores_over_steps_are_drawn_with_words_for_those_who_do_not_see_them(opened: Page) -> None:
    charts_ = {str(svg.get_attribute("aria-label")): svg for svg in opened.locator(".panel svg").all()}
    assert list(charts_) == [
        "KID x100, A2B over steps; at the end: cyclegan 20, ugatit 10",
        "g/cycle over steps; at the end: cyclegan 1.5, ugatit 1.5",
        "a over steps; at the end: up.0 0.25",  # equal words for both runs
    ]
    for chart in charts_.values():
        numbers = chart.locator("text")
        assert numbers.count() >= 4  # on both axes
        assert 8 < numbers.first.bounding_box()["height"] < 20
    titles = [chart.locator("title").all_text_contents() for chart in charts_.values()]
    assert titles[:2] == [["cyclegan", "ugatit"]] * 2
    assert opened.locator(".swatch svg").first.is_visible()


def test_drawings_keep_to_the_policy_and_share_no_ids(opened: Page) -> None:
    assert opened.locator("[style]:not(.pair)").count() == 0
    ids = opened.evaluate("[...document.querySelectorAll('svg [id]')].map((element) => element.id)")
    used = opened.evaluate("[...document.querySelectorAll('use')].map((use) => use.getAttribute('href').slice(1))")
    assert set(used) <= set(ids) and ids


def test_axes_and_ticks_are_light_on_a_dark_page(opened: Page) -> None:
    chart = opened.locator(".panel svg").first
    axis = chart.locator("path[stroke='#000000']").first
    colour = "element => getComputedStyle(element).stroke"
    assert axis.evaluate(colour) == "rgb(0, 0, 0)"
    chart.scroll_into_view_if_needed()
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)
        tick = chart.locator("use[stroke='#000000']").first.bounding_box()
        assert tick is not None
        lower_half = {"x": tick["x"] - 1, "y": tick["y"] + tick["height"] / 2, "width": 3, "height": tick["height"] / 2}
        with Image.open(io.BytesIO(opened.screenshot(clip=lower_half))) as image:
            darkest, lightest = image.convert("L").getextrema()
        assert darkest < 120 if scheme == "light" else lightest > 130, scheme  # a thin line is blurred
    assert axis.evaluate(colour) == "rgb(232, 232, 232)"


def test_a_run_opens_to_its_config_and_environment(results: Path, tmp_path: Path, page: Page) -> None:
    (run,) = (run for run in list_runs(results) if run.config.method == "cyclegan")
    (run.path / "environment.json").write_text('{"device": "cpu", "packages": {"torch": "2.14.1"}}')
    page.goto(write_report(results, tmp_path / "report.html"))
    details = page.locator("details:not(.long)", has_text="cyclegan")
    assert not details.locator(".facts").first.is_visible()
    details.locator("summary").press("Enter")
    facts = dict(zip(details.locator("th").all_inner_texts(), details.locator("td").all_inner_texts(), strict=True))
    assert facts["size"] == "16" and facts["packages.torch"] == "2.14.1" and facts["steps"] == "100"


def test_the_page_is_dark_where_the_reader_is(opened: Page) -> None:
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = opened.evaluate(ground)
    opened.emulate_media(color_scheme="dark")
    assert light == "rgb(255, 255, 255)"
    assert opened.evaluate(ground) == "rgb(21, 23, 26)"


LONG = "() => [...document.querySelectorAll('details.long')].map((details) => details.open)"


def phone(page: Page, address: str) -> Page:
    page.set_viewport_size({"width": 375, "height": 700})
    page.goto(address)
    return page


def test_losses_and_rho_are_folded_on_a_phone_alone_under_headings_that_stay(opened: Page) -> None:
    assert opened.evaluate(LONG) == [True, True]
    phone(opened, opened.url)
    assert opened.evaluate(LONG) == [False, False]
    headings = ("Loss terms over training", "rho, the share of instance norm")
    for name, words, chart in zip(
        headings, ("1 charts of losses", "rho of 2 runs"), ("g/cycle", "a over"), strict=True
    ):
        section = opened.get_by_role("region", name=name)
        assert section.get_by_role("heading", name=name, exact=True, level=3).is_visible()
        first = section.locator(f"svg[aria-label^='{chart}']").first
        assert not first.is_visible()
        section.get_by_text(words).focus()
        opened.keyboard.press("Enter")
        assert first.is_visible()
    opened.set_viewport_size({"width": 833, "height": 700})  # 52rem and a pixel
    opened.reload()
    assert opened.evaluate(LONG) == [True, True]


def test_paper_shows_what_a_phone_folds(opened: Page) -> None:
    phone(opened, opened.url)
    opened.evaluate(f"window.addEventListener('beforeprint', () => {{ window.printed = ({LONG})(); }})")
    opened.locator("summary", has_text="rho of").click()
    opened.pdf()
    assert opened.evaluate("window.printed") == [True, True]
    assert opened.evaluate(LONG) == [False, True]


def test_without_a_script_losses_and_rho_are_open_on_a_phone(results: Path, tmp_path: Path, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = phone(context.new_page(), write_report(results, tmp_path / "report.html"))
    assert [details.get_attribute("open") for details in tab.locator("details.long").all()] == ["", ""]
    context.close()


def test_a_phone_needs_no_sideways_scrolling_but_in_the_tables_boxes(opened: Page) -> None:
    phone(opened, opened.url)
    for details in opened.locator("summary").all():
        details.click()
    assert opened.evaluate("document.querySelectorAll('details:not([open])').length") == 0
    assert opened.evaluate("document.documentElement.scrollWidth") == 375
    wide = opened.evaluate(
        """() => [...document.querySelectorAll('main *')].filter((element) =>
             element.getBoundingClientRect().right > 376 && !element.closest('.scores, .frame, svg'))
             .map((element) => element.outerHTML.slice(0, 80))"""
    )
    assert wide == []


def test_names_and_the_caption_of_a_table_stay_while_its_box_is_scrolled_sideways(opened: Page) -> None:
    phone(opened, opened.url)
    stays = opened.evaluate(
        """() => {
             const box = document.querySelector('.scores');
             box.querySelector('tbody tr').lastElementChild.style.minWidth = '60rem';
             // The second column's heading, with its button, comes to lie where the first column's is.
             const [first, second] = [...box.querySelectorAll('thead th')].map((th) => th.getBoundingClientRect());
             box.scrollLeft = second.left - first.left;
             const within = box.getBoundingClientRect().left;
             const on_top = (element) => {
               const place = element.getBoundingClientRect();
               const steps = [...Array(Math.floor(place.width / 4) - 1).keys()];
               const middle = place.top + place.height / 2;
               const seen = steps.map((step) => document.elementFromPoint(place.left + 4 * step + 2, middle));
               return [seen.every((top) => element.contains(top)), Math.round(place.left - within)];
             };
             return ['caption > span', 'thead th', 'tbody th'].map((name) => on_top(box.querySelector(name)));
           }"""
    )
    assert stays == [[True, 0]] * 3


def test_nothing_is_loaded_and_the_policy_allows_only_what_the_page_holds(
    results: Path, tmp_path: Path, page: Page
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    address = write_report(results, tmp_path / "report.html")
    page.goto(address)
    page.mouse.wheel(0, 5000)
    page.locator(".shot img").first.wait_for()
    assert {url for url in asked if not url.startswith("data:")} == {address}
    policy = str(page.locator("meta[http-equiv]").get_attribute("content"))
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy and "http" not in policy


def test_hostile_names_and_values_are_text(
    tmp_path: Path,
    make_photos: Callable[[Path, list[str]], Path],
    make_run: Make,
    translate: Make,
    log: Make,
    make_record: Callable[..., record.ScoreRecord],
    page: Page,
) -> None:
    root = make_photos(tmp_path / "data" / "hostile", [STEM, "plain"])
    make = {"root": root, "name": "hostile"}
    origin = Origin(name="tool", files={STEM: HOSTILE}, command=HOSTILE)  # another name is refused on reading
    run = make_run("external", origin=origin, **make)
    for translated in (run, make_run("ugatit", note=HOSTILE, **make)):
        translate(translate(translated, 10), 30, folder="attention")
    (run.path / "environment.json").write_text(json.dumps({HOSTILE: HOSTILE}))
    log(run, {f"{HOSTILE}/{HOSTILE}": [1.0, 1.0], f"rho/{HOSTILE}": [1.0, 1.0]})
    who = {"run": run.id, "name": HOSTILE, "variant": HOSTILE, "dataset": "hostile"}
    scores = [make_record("kid", HOSTILE, 0.1, 0.1, step=step, **who) for step in (10, 20)]
    record.append(run.path / "scores.jsonl", [*scores, make_record(HOSTILE, "ugatit", 0.3, **{**who, "run": "b"})])
    page.goto(write_report(tmp_path / "results", tmp_path / "report.html"))
    for summary in page.locator("summary").all():
        summary.click()
    page.locator(".gallery").first.scroll_into_view_if_needed()
    page.locator(".shot img").first.wait_for()
    page.locator(".shot").first.click()
    assert page.evaluate("window.__hacked") is None
    kinds = page.evaluate("[...document.scripts].map((script) => script.type)")
    assert kinds == ["application/json", ""]
    assert page.locator("img:not([src^='data:image/webp;base64,'])").count() == 0
    handlers = """() => [...document.querySelectorAll('*')].flatMap((element) => [...element.attributes])
                  .filter((attribute) => /^(on|formaction|srcdoc)/.test(attribute.name)).length"""
    assert page.evaluate(handlers) == 0
    texts = page.locator(".pictures tbody th").all_inner_texts()
    assert STEM in texts
    assert any("tool" in text for text in page.locator(".pictures thead th").all_inner_texts())
    assert page.locator("td", has_text=HOSTILE).count() >= 3  # config, command, environment
