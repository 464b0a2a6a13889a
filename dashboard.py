"""The Trellis dashboard: server and script in one file.

Started by ``streamlit run dashboard.py``, by ``python dashboard.py``, by an ASGI server that
imports ``dashboard:app``, or by Streamlit's test runner.
"""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

if __name__ == "__main__" and get_script_run_ctx(suppress_warning=True) is not None:
    from pages.shared.shell import main

    main()
else:
    from pages.shared.server import listening, server_parts

    parts = server_parts()
    app = st.App(
        __file__, lifespan=parts.lifespan, routes=parts.routes, middleware=parts.middleware
    )
    if __name__ == "__main__":
        app.run(config=listening())
