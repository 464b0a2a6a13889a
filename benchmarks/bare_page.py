"""A page of Streamlit with nothing behind it: fifty rows that are drawn again every few seconds.

The floor of the board's looks: ``benchmarks.sessions`` serves it and looks at it as it does at the board.
"""

import pandas as pd
import streamlit as st

_ROWS = 50
_COLUMNS = ("Patient", "Program", "Minutes", "Next code", "Missing", "Due", "Coordinator", "Value")


@st.fragment(run_every=4)
def draw() -> None:
    """Draw a table of as many rows and columns as a page of the board has."""
    rows = [tuple(f"{name} {number}" for name in _COLUMNS) for number in range(_ROWS)]
    st.markdown("**$1,000** billable now")
    st.dataframe(pd.DataFrame(rows, columns=list(_COLUMNS)), hide_index=True)


st.title("Floor")
draw()
