"""The studio: a page in the browser, served from the user's own machine, where options are chosen by eye.

Needs Starlette and uvicorn: ``pip install 'icsys[studio]'``.
"""
