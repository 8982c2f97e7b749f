"""The report as its reader opens it: in a browser, on a page and on a phone, by day, by night, and in print."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import NOON, House
from tests.e2e.test_authorize import browser

__all__ = ["browser"]  # a fixture: the machine's own Chromium, skipped loudly where there is none

PICTURE = Path(__file__).with_name("report.png")
"""The first screen of the fixed seed's report, small. `SONGPOST_NEW_PICTURE=1` makes it anew."""
TOLERANCE = 0.5
"""How far other fonts may move the small picture: mean absolute difference, as a part of what stands out in it at all.
"""
PHONE, PAGE = {"width": 390, "height": 844}, {"width": 1100, "height": 900}
NASTY = (
    "<script>document.title = 'broken'</script><img src=x onerror=alert(2)>",
    "\u05e9\u05dc\u05d5\u05dd </blockquote> \u0645\u0631\u062d\u0628\u0627 &amp; bread",
    "pneumono" * 34,
    "漢" * 140,
)
COMPARE = """async ([one, other]) => {
  const pixels = async (source) => {
    const image = new Image(); image.src = source; await image.decode();
    const canvas = document.createElement('canvas'); canvas.width = 55; canvas.height = 45;
    const context = canvas.getContext('2d');
    context.imageSmoothingQuality = 'high'; context.drawImage(image, 0, 0, 55, 45);
    return [context.getImageData(0, 0, 55, 45).data, canvas.toDataURL('image/png')];
  };
  const [a, small] = await pixels(one);
  if (!other) return [0, small];
  const [b] = await pixels(other);
  const apart = (x, y) => x.reduce((sum, _, i) => sum + Math.abs(x[i] - y(i)), 0);
  return [apart(a, (i) => b[i]) / apart(b, (i) => b[i % 4]), small];
}"""
WIDER = """() => [document.documentElement.scrollWidth, ...[...document.querySelectorAll('body *')]
  .filter((one) => !one.closest('.scroll, .skip, svg, details:not([open])'))
  .map((one) => Math.ceil(one.getBoundingClientRect().right))].reduce((a, b) => Math.max(a, b))"""
FAINT = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const bright = (colour) => { const [r, g, b] = parts(colour).map((x) => x / 255)
    .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (one) => { for (; one; one = one.parentElement) {
    const found = getComputedStyle(one).backgroundColor; if (parts(found)[3] !== 0) return found; }
    return 'rgb(255,255,255)'; };
  return [...document.querySelectorAll('body *:not(svg *)')]
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((one) => { const [a, b] = [bright(getComputedStyle(one).color), bright(ground(one))].sort((x, y) => y - x);
      return [one.tagName, one.textContent.trim().slice(0, 30), (a + 0.05) / (b + 0.05)]; })
    .filter(([, , ratio]) => ratio < 4.5);
}"""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a few simulated days, as the command writes it."""
    folder = tmp_path_factory.mktemp("simulated")
    said = subprocess.run(
        [
            *(sys.executable, "-m", "songpost.cli.main", "simulate", "--days", "4", "--seed", "11"),
            *("--report", "report.html"),
        ],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (0, "") == (said.returncode, said.stderr)
    assert ["report.html"] == [path.name for path in folder.iterdir()]
    return folder / "report.html"


def opened(browser: Any, path: Path, size: dict[str, int], scheme: str) -> Any:
    """The page in the browser, once it stands; whatever it says on the console or asks for fails the test."""
    context = browser.new_context(viewport=size, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_load_state()
    asked = [one for one in said if not one.startswith(("data:", path.as_uri()))]
    assert [] == asked
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_stands_by_itself_and_can_be_read(browser: Any, simulated: Path, scheme: str) -> None:
    """No console, no request, every chart with its table, no faint letters, nothing beyond a phone's edge."""
    phone = opened(browser, simulated, PHONE, scheme)

    assert phone.evaluate(WIDER) <= PHONE["width"]
    assert [] == phone.evaluate(FAINT)
    figures = phone.query_selector_all("figure")
    assert 4 <= len(figures)
    for figure in figures:
        shown = [one for one in figure.query_selector_all("[role=img]") if one.is_visible()]
        assert 1 == len(shown)
        assert shown[0].query_selector("svg").bounding_box()["height"] > 60
        figure.query_selector("summary").click()
        assert figure.query_selector("tbody tr").is_visible()
    assert phone.evaluate(WIDER) <= PHONE["width"]
    page = opened(browser, simulated, PAGE, scheme)
    assert page.evaluate(WIDER) <= PAGE["width"]
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ("rgb(20, 22, 26)" if scheme == "dark" else "rgb(250, 248, 244)") == ground


def test_print_shows_the_tables(browser: Any, simulated: Path) -> None:
    """On paper the tables behind the charts are open, the wide drawings stand, and the page is white."""
    page = opened(browser, simulated, PAGE, "dark")
    page.emulate_media(media="print")

    assert page.query_selector("figure tbody tr").bounding_box()["height"] > 0
    assert page.query_selector(".chart.wide").is_visible()
    assert not page.query_selector(".chart.narrow").is_visible()
    assert "rgb(255, 255, 255)" == page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert "rgb(0, 0, 0)" == page.evaluate("getComputedStyle(document.body).color")


def test_the_first_screen_looks_as_it_did(browser: Any, simulated: Path) -> None:
    """A fixed seed's first screen is the stored picture, but for what fonts do to it; by night it is another one."""
    shown = {scheme: opened(browser, simulated, PAGE, scheme) for scheme in ("light", "dark")}
    shots = {scheme: picture(page) for scheme, page in shown.items()}
    shown["light"].evaluate("document.querySelector('.cards').remove()")
    shots["without its cards"] = picture(shown["light"])
    table = browser.new_page()
    if os.environ.get("SONGPOST_NEW_PICTURE"):
        _, small = table.evaluate(COMPARE, [shots["light"], None])
        PICTURE.write_bytes(base64.b64decode(small.partition(",")[2]))
    stored = "data:image/png;base64," + base64.b64encode(PICTURE.read_bytes()).decode()

    apart = {name: table.evaluate(COMPARE, [shot, stored])[0] for name, shot in shots.items()}

    assert apart["light"] < TOLERANCE
    assert apart["without its cards"] > 1.5 * TOLERANCE
    assert apart["dark"] > 10 * TOLERANCE


def picture(page: Any) -> str:
    """What the page looks like, as an address."""
    return "data:image/png;base64," + base64.b64encode(page.screenshot()).decode()


def test_a_live_accounts_report_holds_hostile_words_and_no_secret(house: House, browser: Any) -> None:
    """What was posted stands there as it was written, links to X, and fits a phone; the house finds no secret in it."""
    (house.folder / "texts.yaml").write_text(json.dumps({"gardening": list(NASTY[:2]), "bread": list(NASTY[2:])}))
    sent = [one for one in house.tick(NOON)["actions"] if one["state"] == "sent"]
    assert 1 == len(sent)

    told = json.loads(house.run("report", "--at", NOON, "--json"))

    path = house.folder / "songpost-report.html"
    assert {"file": "songpost-report.html", "bytes": path.stat().st_size} == told
    for scheme in ("light", "dark"):
        page = opened(browser, path, PHONE, scheme)
        assert "1 sent" in page.inner_text(".cards")
        assert page.evaluate(WIDER) <= PHONE["width"]
        assert page.title().startswith("@")
        assert set(page.eval_on_selector_all("blockquote", "all => all.map(one => one.textContent)")) <= set(NASTY)
        assert sent[0]["text"] == page.text_content("#posted blockquote")
        link = page.get_attribute("#posted a", "href")
        assert link.endswith(f"/status/{sent[0]['post_id']}")


def test_a_report_that_cannot_be_written_is_named(house: House) -> None:
    """Another folder that is not there: bad usage, with the path and the way out."""
    said = house.run("report", "--out", "nowhere/report.html", code=2)

    assert "nowhere/report.html" in said
    assert "cannot be written" in said
