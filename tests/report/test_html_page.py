"""The page of a results folder in Chromium: what it shows, how it is worked, what it never does."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page

from ugbench.data.dataset_names import resolve
from ugbench.report.contents import collect_report
from ugbench.report.html_page import render
from ugbench.runs.run import Origin, Run, list_runs
from ugbench.scoring import per_image, record
from ugbench.scoring.per_image import Single

SIZE = 16
HOSTILE = """"><img src=x onerror=window.__hacked=1></script><script>window.__hacked=1</script>&amp;' onload='x"""
STEM = """"><img onerror=window.__hacked=1><script>&'"""  # a file's name cannot hold a slash
Make = Callable[..., Run]


def write(results: Path, file: Path) -> str:
    file.write_text(render(collect_report(results)), encoding="utf-8", newline="\n")
    return file.as_uri()


def level(uri: str) -> int:
    """The grey of a thumbnail."""
    kind, _, text = uri.partition(";base64,")
    assert kind == "data:image/webp"
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        return int(image.convert("RGB").getpixel((0, 0))[0])


def shown(images: Locator) -> list[int]:
    return [level(str(image.get_attribute("src"))) for image in images.all()]


@pytest.fixture
def opened(results: Path, tmp_path: Path, page: Page) -> Page:
    page.goto(write(results, tmp_path / "report.html"))
    return page


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
    assert table.locator("tr", has=opened.locator("strong")).locator("th").all_inner_texts() == ["cyclegan", "ugatit"]
    assert "protocol target: kid [kid-alexnet], fid [fid-alexnet]" in table.locator("caption").inner_text()
    assert table.locator("svg[aria-label='95 % interval 8 to 12']").count() == 1


def test_each_test_image_stands_beside_its_outputs_both_ways(opened: Page) -> None:
    galleries = opened.locator(".gallery")
    assert galleries.locator("h3").all_inner_texts() == ["Test images, A to B", "Test images, B to A"]
    for place, base in ((0, 0), (1, 100)):
        gallery = galleries.nth(place)
        gallery.scroll_into_view_if_needed()
        heads = [text.split("\n")[0].strip() for text in gallery.locator(".pictures thead th").all_inner_texts()]
        assert heads == ["image", f"source ({'AB'[place]})", "cyclegan", "ugatit"]
        rows = gallery.locator(".pictures tbody tr")
        assert rows.locator("th").all_inner_texts() == ["00", "01", "02", "03", "04"]
        rows.first.locator(".shot img").first.wait_for()
        assert shown(rows.nth(2).locator(".shot img:not(.attention)")) == [base + 2, base + 12, base + 12]
        assert rows.nth(2).locator(".shot img").first.get_attribute("alt") == f"02, source ({'AB'[place]})"


def test_two_pictures_slide_by_mouse_and_by_keyboard(opened: Page) -> None:
    compare = opened.locator(".compare").first
    compare.scroll_into_view_if_needed()
    pair, slider = compare.locator(".pair"), compare.get_by_role("slider")
    pair.locator("img.left[src]").wait_for()
    assert shown(pair.locator("img")) == [0, 10]
    box = pair.bounding_box()
    assert box is not None
    opened.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    at = int(slider.input_value())
    assert abs(at - 25) <= 2
    clip = "element => getComputedStyle(element).clipPath"
    assert f"{at}%" in pair.locator(".right").evaluate(clip)
    slider.press("ArrowRight")
    assert int(slider.input_value()) == at + 1
    assert f"{at + 1}%" in pair.locator(".right").evaluate(clip)
    assert slider.get_attribute("aria-valuetext") == f"{at + 1} % source (A), {99 - at} % cyclegan"


def test_any_two_pictures_can_be_picked_and_images_turned(opened: Page) -> None:
    compare = opened.locator(".compare").first
    compare.scroll_into_view_if_needed()
    left, right = compare.get_by_label("left"), compare.get_by_label("right")
    options = ["source (A)", "cyclegan", "ugatit", "ugatit, attention"]
    assert left.locator("option").all_inner_texts() == right.locator("option").all_inner_texts() == options
    left.select_option("ugatit, attention")
    right.select_option("ugatit")
    assert shown(compare.locator(".pair img")) == [30, 10]
    compare.get_by_role("button", name="Next").press("Enter")
    assert compare.locator(".which").inner_text() == "01 (2 of 5)"
    assert shown(compare.locator(".pair img")) == [31, 11]
    compare.get_by_role("button", name="Previous").click(click_count=2)
    assert compare.locator(".which").inner_text() == "04 (5 of 5)"


def test_attention_shows_under_the_pointer_and_the_keyboards_focus_and_arrows_move(opened: Page) -> None:
    gallery = opened.locator(".gallery").first
    gallery.scroll_into_view_if_needed()
    attention = gallery.locator("tbody tr").first.locator(".attention")
    attention.wait_for(state="attached")
    assert shown(attention) == [30]  # ugatit's alone; cyclegan has none this way
    opened.emulate_media(reduced_motion="reduce")

    def opacity() -> str:
        return str(attention.evaluate("element => getComputedStyle(element).opacity"))

    assert opacity() == "0"
    attention.hover(force=True)
    assert opacity() == "1"
    opened.mouse.move(0, 0)
    assert opacity() == "0"
    shots = gallery.locator("tbody tr").first.locator(".shot")
    assert gallery.locator(".shot[tabindex='0']").count() == 1
    shots.first.focus()
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("ArrowRight")
    assert shots.nth(2).evaluate("element => element === document.activeElement")
    assert opacity() == "1"
    opened.keyboard.press("ArrowDown")
    assert opacity() == "0"
    opened.keyboard.press("Enter")
    assert gallery.locator(".which").inner_text() == "01 (2 of 5)"
    assert shown(gallery.locator(".pair img")) == [1, 11]


def test_curves_rho_and_scores_over_steps_are_drawn_with_words_for_those_who_do_not_see_them(opened: Page) -> None:
    charts_ = {str(svg.get_attribute("aria-label")): svg for svg in opened.locator(".panel svg").all()}
    assert list(charts_) == [
        "A2B KID x100 ↓ over steps; at the end: cyclegan 20, ugatit 10",
        "g/cycle over steps; at the end: cyclegan 1.5, ugatit 1.5",
        "a over steps; at the end: up.0 0.25",
    ]
    (scores, *_) = charts_.values()
    assert scores.locator(".point").count() == 3
    assert scores.locator(".whisker").count() == 1  # the one record with an interval
    assert opened.locator(".swatch").first.is_visible()


def test_a_run_opens_to_its_config_and_environment(results: Path, tmp_path: Path, page: Page) -> None:
    (run,) = (run for run in list_runs(results) if run.config.method == "cyclegan")
    (run.path / "environment.json").write_text('{"device": "cpu", "packages": {"torch": "2.14.1"}}')
    page.goto(write(results, tmp_path / "report.html"))
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
    tab = phone(context.new_page(), write(results, tmp_path / "report.html"))
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
    address = write(results, tmp_path / "report.html")
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
    origin = Origin(name=STEM, files={STEM: HOSTILE}, command=HOSTILE)
    run = make_run("external", origin=origin, **make)
    for translated in (run, make_run("ugatit", note=HOSTILE, **make)):
        translate(translate(translated, 10), 30, folder="attention")
    (run.path / "environment.json").write_text(json.dumps({HOSTILE: HOSTILE}))
    log(run, {f"{HOSTILE}/{HOSTILE}": [1.0, 1.0], f"rho/{HOSTILE}": [1.0, 1.0]})
    who = {"run": run.id, "name": HOSTILE, "variant": HOSTILE, "dataset": "hostile"}
    scores = [make_record("kid", HOSTILE, 0.1, 0.1, step=step, **who) for step in (10, 20)]
    record.append(run.path / "scores.jsonl", [*scores, make_record(HOSTILE, "ugatit", 0.3, **{**who, "run": "b"})])
    page.goto(write(tmp_path / "results", tmp_path / "report.html"))
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
    assert any(STEM in text for text in page.locator(".pictures thead th").all_inner_texts())
    assert page.locator("td", has_text=HOSTILE).count() >= 3  # config, command, environment


def test_on_a_dial_truth_is_a_column_and_single_images_are_ranked(
    tmp_path: Path, make_run: Make, translate: Make, page: Page
) -> None:
    dial = resolve(f"dial:size={SIZE},train=1,test=4", tmp_path / "data")
    run = translate(make_run("ugatit", name=dial.name, root=dial.root), 10)
    stems = [path.stem for path in dial.split("testA")]
    for split, stem in (("testB", stems[2]), ("testA", stems[1])):  # the truth itself, and the untouched source
        with Image.open(dial.root / split / f"{stem}.png") as image:
            image.save(run.path / "outputs" / "A2B" / f"{stem}.png")
    page.goto(write(tmp_path / "results", tmp_path / "report.html"))
    gallery = page.locator(".gallery").first
    heads = [text.split("\n")[0].strip() for text in gallery.locator("thead th").all_inner_texts()]
    assert heads == ["image", "source (A)", "ugatit", "truth (B)"]
    scores = dict(zip(stems, gallery.locator("tbody .score").all_inner_texts(), strict=True))
    assert scores[stems[2]] == "0.00" and scores[stems[1]] == "1.00"
    gallery.locator("thead th", has_text="ugatit").get_by_role("button").click()
    ranked = gallery.locator("tbody th").all_inner_texts()
    assert [scores[stem] for stem in ranked] == sorted(scores.values())
    best = gallery.get_by_label("best of ugatit").get_by_role("button")
    worst = gallery.get_by_label("worst of ugatit").get_by_role("button")
    assert best.first.get_attribute("aria-label") == f"{stems[2]}, ugatit: 0.00"
    assert worst.first.get_attribute("aria-label") == f"{ranked[-1]}, ugatit: {scores[ranked[-1]]}"
    best.first.scroll_into_view_if_needed()
    best.first.locator("img").nth(2).wait_for()
    _, output, truth = (image.get_attribute("src") for image in best.first.locator("img").all())
    assert level(str(output)) == level(str(truth))
    best.first.press("Enter")
    assert gallery.locator(".which").inner_text() == f"{stems[2]} (1 of 4)"
    assert gallery.locator(".pair .right").get_attribute("alt") == f"{stems[2]}, ugatit"


def test_off_a_dial_the_page_says_that_single_images_have_no_score(opened: Page) -> None:
    assert opened.get_by_text("Single images have no score here").count() == 2
    assert opened.locator(".cases").count() == 0


def test_off_a_dial_images_are_ranked_by_what_they_contribute_to_kid(results: Path, tmp_path: Path, page: Page) -> None:
    (run,) = (run for run in list_runs(results) if run.config.method == "ugatit")
    shares = dict(zip(("00", "01", "02", "03", "04"), (0.3, -0.012, 0.1, 0.2, 0.15), strict=True))
    per_image.keep(run, "A2B", None, Single(metric="kid", protocol_id="kid-alexnet", values=shares))
    page.goto(write(results, tmp_path / "report.html"))
    gallery = page.locator(".gallery").first
    assert "Under an output: KID x100, what each image contributes under protocol kid-alexnet" in gallery.inner_text()
    assert gallery.locator("tbody .score").all_inner_texts() == ["30.00", "-1.20", "10.00", "20.00", "15.00"]
    gallery.locator("thead th", has_text="ugatit").get_by_role("button").click()
    assert gallery.locator("tbody th").all_inner_texts() == ["01", "02", "04", "03", "00"]
    best = gallery.get_by_label("best of ugatit").get_by_role("button")
    assert [str(button.get_attribute("aria-label")) for button in best.all()] == [
        "01, ugatit: -1.20",
        "02, ugatit: 10.00",
    ]
    best.first.scroll_into_view_if_needed()
    best.first.locator("img").nth(1).wait_for()
    assert shown(best.first.locator("img")) == [1, 11]  # the source and its output, and no truth
    assert "From above: source, output. The score" in gallery.inner_text()
    box = best.first.bounding_box()
    assert box is not None and box["height"] == 106
    assert page.locator(".gallery").nth(1).locator(".cases").count() == 0
