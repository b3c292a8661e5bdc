"""The page in a browser: keys, reload, phone, and several raters at once."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Browser, Page

CLICK = "place => setTimeout(() => document.querySelectorAll('form button')[place].click())"


def start(page: Page, served: Any, name: str = "", link: str | None = None) -> None:
    page.goto(link or served.url)
    page.get_by_label("Your name").fill(name)
    page.keyboard.press("Enter")
    wait_for(page, 1)  # the page hears no key before its pictures are there


def wait_for(page: Page, place: int) -> None:
    page.get_by_text(f"{place} of 6").wait_for()
    page.wait_for_load_state("load")


def count(served: Any) -> int:
    return int(served.store.count([served.pictures.poll]))


def test_a_study_is_done_by_keyboard_alone(page: Page, served: Any) -> None:
    start(page, served, "Ann")
    for place in (1, 2, 3):
        wait_for(page, place)
        page.keyboard.press("2")
    for place in (4, 5, 6):
        wait_for(page, place)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    page.get_by_role("heading", name="Thank you").wait_for()
    shown = served.store._connection.execute("SELECT choice, shown FROM votes ORDER BY at").fetchall()
    assert [json.loads(order).index(choice) for choice, order in shown] == [1, 1, 1, 0, 0, 0]


def test_a_reload_or_a_new_tab_goes_on_where_the_rater_left_off(page: Page, served: Any) -> None:
    start(page, served)
    page.keyboard.press("1")
    wait_for(page, 2)
    before = page.get_by_role("button").first.get_attribute("value")
    page.reload()
    wait_for(page, 2)
    assert page.get_by_role("button").first.get_attribute("value") == before
    other = page.context.new_page()
    other.goto(served.url)
    wait_for(other, 2)
    assert count(served) == 1


def test_a_rater_who_comes_back_by_another_site_s_link_is_the_same_rater(page: Page, served: Any) -> None:
    start(page, served)
    page.keyboard.press("1")
    wait_for(page, 2)
    link = f'<a href="{served.url}">Go on with the study</a>'
    page.route("http://mail.example/", lambda route: route.fulfill(body=link, content_type="text/html"))
    page.goto("http://mail.example/")
    page.get_by_role("link").click()
    wait_for(page, 2)
    page.keyboard.press("1")
    wait_for(page, 3)
    assert count(served) == 2
    assert served.store._connection.execute("SELECT count(DISTINCT rater) FROM votes").fetchall() == [(1,)]


def test_a_form_on_another_site_s_page_votes_for_nobody(browser: Browser, served: Any) -> None:
    page = browser.new_page()  # the refusal is an error on its console
    start(page, served)
    question, choice = (page.locator(f"[name={name}]").first.get_attribute("value") for name in ("question", "choice"))
    fields = f'<input name="question" value="{question}"><input name="choice" value="{choice}">'
    form = f'<form method="post" action="{served.url}vote">{fields}<button>Win a prize</button></form>'
    page.route("http://evil.example/", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto("http://evil.example/")
    with page.expect_navigation() as navigation:
        page.get_by_role("button").click()
    assert navigation.value is not None and navigation.value.status == 403
    assert count(served) == 0
    page.close()


def test_a_click_votes_and_a_second_click_on_the_way_does_not(page: Page, served: Any) -> None:
    start(page, served)
    page.get_by_role("button", name="Version 2").dblclick()
    wait_for(page, 2)
    assert count(served) == 1


def test_keys_that_mean_no_version_do_nothing(page: Page, served: Any) -> None:
    start(page, served)
    for key in ("3", "9", "0", "a", "Control+1", "ArrowRight", " "):
        page.keyboard.press(key)
    page.reload()
    wait_for(page, 1)
    assert count(served) == 0


def test_all_pictures_are_shown_alike_and_fit_a_phone(browser: Browser, served: Any) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    page = context.new_page()
    start(page, served)
    wait_for(page, 1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth === 32)")
    boxes = [page.get_by_role("button").nth(place).bounding_box() for place in range(2)]
    assert boxes[0] and boxes[1] and boxes[0]["width"] == boxes[1]["width"] > 140
    page.get_by_role("button").nth(1).tap()
    wait_for(page, 2)
    context.close()


def test_colours_follow_the_browser(browser: Browser, served: Any) -> None:
    backgrounds = []
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(served.url)
        backgrounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        context.close()
    assert backgrounds == ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]


def test_raters_in_several_browsers_vote_at_once_and_every_vote_is_kept(browser: Browser, served: Any) -> None:
    contexts = [browser.new_context() for _ in range(4)]
    pages = [context.new_page() for context in contexts]
    for number, page in enumerate(pages):
        start(page, served, f"Rater {number}", next(served.links))  # a link is for one rater
    for place in range(1, 7):
        for page in pages:
            wait_for(page, place)
        # All four votes are on their way before the first answer is looked at.
        for number, page in enumerate(pages):
            page.evaluate(CLICK, (number + place) % 2)
    for page in pages:
        page.get_by_role("heading", name="Thank you").wait_for()
    rows = served.store._connection.execute("SELECT rater, count(*) FROM votes GROUP BY rater").fetchall()
    assert [number for _, number in rows] == [6] * 4
    for context in contexts:
        context.close()
