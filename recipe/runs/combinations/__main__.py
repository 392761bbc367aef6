"""Write docs/combinations.md anew: `python -m recipe.runs.combinations`."""

from recipe.runs.combinations.table import FILE, page

FILE.write_text(page(), encoding="utf-8")
print(f"wrote {FILE}")
