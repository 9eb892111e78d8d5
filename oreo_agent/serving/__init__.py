"""Serving: an agent's decisions and values over HTTP (extra ``[serve]``: starlette, uvicorn).

One thread asks the engine; all else is waiting, reading and telling, on one event loop. Which
worlds there are is not known here: whoever asks brings the history along.
"""
