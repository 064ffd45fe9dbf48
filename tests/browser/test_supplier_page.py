"""The supplier's page as he meets it: on a phone, in his language, without a script."""

import pytest
from playwright.sync_api import Page, expect

from loadlens.serving.sheet.words import words


@pytest.fixture
def link(serve, shots, free_port) -> str:
    """The link to a load of a yard whose address is known."""
    server = serve(port=free_port, public_url=f"http://127.0.0.1:{free_port}")
    place = server.open_load(standard="example-mill", supplier="张记 & Sons")
    for shot in shots[:6]:
        server.put(shot)
    server.close()
    for kind, kg in (("gross", 48960), ("tare", 16420)):
        server.http.put(f"{place}/weights/{kind}", json={"kg": kg, "division": 20})
    server.http.post(f"{place}/reviews", json={"decision": "accept", "reason": "seen"})
    return server.http.post(f"{place}/supplier-link").json()["url"]


def test_a_supplier_reads_his_load_on_a_phone_and_disputes_it_in_his_language(link, page: Page):
    en, zh = words("en"), words("zh")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(link)
    expect(page.get_by_text(en["settlement"])).to_be_visible()
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_text(zh["settlement"])).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for picture in page.get_by_role("img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth") > 0
    page.get_by_label(zh["name"]).last.fill("李四")
    page.get_by_label(zh["reason"]).select_option(zh["reason_deduction"])
    page.get_by_role("button", name=zh["dispute"]).click()
    expect(page.get_by_role("status")).to_have_count(0)  # the browser asks for words of his own first
    page.get_by_label(zh["text"]).fill("那车料是干的")
    page.get_by_role("button", name=zh["dispute"]).click()
    expect(page.get_by_role("status")).to_contain_text("那车料是干的")
    expect(page.get_by_role("status")).to_contain_text(zh["waiting"])
    expect(page.get_by_role("button")).to_have_count(0)
    page.go_back()
    page.reload()
    expect(page.get_by_role("button")).to_have_count(0)
