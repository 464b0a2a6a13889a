"""Every page, looked at by axe in both themes.

What Streamlit draws by itself, and a page cannot change, is named in ``STREAMLITS`` with its reason.
Anything else that axe finds fails; so does a name that nothing is found under any more.
"""

from axe_playwright_python.base import AXE_FILE_PATH

from pages.shared import routes
from pages.shared.chart_map import Section
from tests.browser.conftest import settle, sign_in, turn_to

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
PATIENT = "p-101"
STREAMLITS = {
    ("list", "[data-testid='stSidebarNavItems']"): "sections of the menu are div in ul",
    ("listitem", "[data-testid='stSidebarNavItems'] li"): "the same, seen from its entries",
    ("color-contrast", "kbd"): "a shortcut's keys are drawn at 60 percent",
    ("color-contrast", "[data-selected='true']"): (
        "dark: one primary color is the ground of white words and the words of a chosen segment"
    ),
    ("color-contrast", "span[aria-hidden='true']"): "the label of a field that is switched off",
    ("presentation-role-conflict", "[data-testid='stFileUploaderDropzone']"): "its drop zone",
}
"""Rule and place, to why it is Streamlit's."""
FIND = """
async ({options, known}) => {
  const found = [];
  for (const violation of (await window.axe.run(document, options)).violations)
    for (const node of violation.nodes) {
      const element = document.querySelector(node.target[0]);
      const of = known.filter(([rule, place]) => rule === violation.id && element?.closest(place));
      found.push([violation.id, of.length ? of[0][1] : null, node.html.slice(0, 200)]);
    }
  return found;
}
"""


def paths() -> list[str]:
    """Every page's address, the chart once for each of its sections."""
    found = [f"/{page.name}" for page in routes.PAGES if page.name != "chart"]
    return [*found, *(f"/chart?patient={PATIENT}&section={each}" for each in Section)]


def findings(page, options: dict) -> list[tuple[str, str | None, str]]:
    """Return what axe finds: the rule, where it is Streamlit's, and the element."""
    said = page.evaluate(FIND, {"options": {"runOnly": options}, "known": list(STREAMLITS)})
    return [tuple(each) for each in said]


def test_axe_finds_nothing_of_ours_on_any_page(server, page):
    sign_in(page, server, "owner")
    ours, theirs = {}, set()
    for path in paths():
        page.emulate_media(color_scheme="light")
        if "section=" in path:
            page.goto(server.url + path)
            page.locator("h1").first.wait_for()
            settle(page)
        else:
            turn_to(page, server.url + path)
        page.mouse.move(0, 0)
        if not page.evaluate("'axe' in window"):
            page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
        for theme, options in (
            ("light", {"type": "tag", "values": RULES}),
            ("dark", {"type": "rule", "values": ["color-contrast"]}),
        ):
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(400)  # colors pass over into each other
            page.wait_for_function(
                "() => !document.getAnimations().some((each) => each instanceof CSSTransition)"
            )
            for rule, place, html in findings(page, options):
                if place is None:
                    ours.setdefault((rule, html), f"{path} {theme}")
                else:
                    theirs.add((rule, place))
    assert not ours
    assert theirs == set(STREAMLITS), "what Streamlit has mended is named no longer"
