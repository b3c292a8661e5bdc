"""The galleries of the page in Chromium: images, slider, attention, and the best and worst outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page
from report_pages import level, shown, write_report

from ugbench.data.dataset_names import resolve
from ugbench.runs.run import Run, list_runs
from ugbench.runs.stored_outputs import stored_step
from ugbench.scoring import per_image
from ugbench.scoring.per_image import ImageScores

SIZE = 16
Make = Callable[..., Run]


def test_each_test_image_stands_beside_its_outputs_in_both_directions(opened: Page) -> None:
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


def test_on_a_dial_truth_is_a_column_and_single_images_are_ranked(
    tmp_path: Path, make_run: Make, translate: Make, page: Page
) -> None:
    dial = resolve(f"dial:size={SIZE},train=1,test=4", tmp_path / "data")
    run = translate(make_run("ugatit", name=dial.name, root=dial.root), 10)
    stems = [path.stem for path in dial.split("testA")]
    for split, stem in (("testB", stems[2]), ("testA", stems[1])):  # the truth itself, and the untouched source
        with Image.open(dial.root / split / f"{stem}.png") as image:
            image.save(run.path / "outputs" / "A2B" / f"{stem}.png")
    page.goto(write_report(tmp_path / "results", tmp_path / "report.html"))
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
    scores = ImageScores(metric="kid", protocol_id="kid-alexnet", values=shares)
    per_image.store(run, "A2B", stored_step(run, "A2B"), scores)
    page.goto(write_report(results, tmp_path / "report.html"))
    gallery = page.locator(".gallery").first
    words = (
        "Under an output: whether what the image contributes to KID x100 (protocol kid-alexnet) is better or worse than"
    )
    assert words in gallery.inner_text()
    under = ["worse #5", "better #1", "better #2", "worse #4", "median #3"]
    assert gallery.locator("tbody .score").all_inner_texts() == under
    gallery.locator("thead th", has_text="ugatit").get_by_role("button").click()
    assert gallery.locator("tbody th").all_inner_texts() == ["01", "02", "04", "03", "00"]
    best = gallery.get_by_label("best of ugatit").get_by_role("button")
    assert [str(button.get_attribute("aria-label")) for button in best.all()] == [
        "01, ugatit: better #1",
        "02, ugatit: better #2",
    ]
    best.first.scroll_into_view_if_needed()
    best.first.locator("img").nth(1).wait_for()
    assert shown(best.first.locator("img")) == [1, 11]  # the source and its output, and no truth
    assert "From above: source, output. The score" in gallery.inner_text()
    box = best.first.bounding_box()
    assert box is not None and box["height"] == 106
    assert page.locator(".gallery").nth(1).locator(".cases").count() == 0


def test_words_under_the_best_and_worst_images_do_not_touch(results: Path, tmp_path: Path, page: Page) -> None:
    for run in list_runs(results):
        values = {f"{place:02d}": -24.1418 * place for place in range(5)}
        scores = ImageScores(metric="kid", protocol_id="kid-alexnet", values=values)
        per_image.store(run, "A2B", stored_step(run, "A2B"), scores)
    page.goto(write_report(results, tmp_path / "report.html"))
    boxes = page.evaluate(
        """() => [...document.querySelectorAll('.cases ul')].map((list) => [...list.querySelectorAll('.score')]
             .map((score) => {
               const range = document.createRange();
               range.selectNodeContents(score);
               const box = range.getBoundingClientRect();
               return [box.left, box.right];
             }))"""
    )
    assert len(boxes) == 4 and all(len(of_list) == 2 for of_list in boxes)
    for (_, right), (left, _) in boxes:
        assert right + 4 < left
