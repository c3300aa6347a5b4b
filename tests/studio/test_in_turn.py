"""Requests in turn: a bounded number at a time, the newest first, and none for a client that is gone."""

import asyncio

import pytest

pytest.importorskip("starlette", reason="needs the extra studio")

from icsys.studio.in_turn import InTurn


async def settled():
    """Have all tasks go on until each waits for something: they know no clock, so the machine's speed is no matter."""
    for _ in range(100):
        await asyncio.sleep(0)


def test_the_newest_of_those_that_wait_is_next_and_who_is_gone_gets_no_turn():
    async def run():
        begun, ends = [], {}

        async def app(scope, _, __):
            begun.append(scope["name"])
            await ends[scope["name"]].wait()

        layer = InTurn(app, most=2)

        def ask(name, gone):
            ends[name] = asyncio.Event()

            async def receive():
                await gone.wait()
                return {"type": "http.disconnect"}

            return asyncio.ensure_future(layer({"name": name}, receive, None))

        never, left = asyncio.Event(), asyncio.Event()
        asked = [ask(name, left if name == "d" else never) for name in "abcde"]
        await settled()
        assert begun == ["a", "b"]
        left.set()
        await asked[3]
        asked[4].cancel()
        await settled()
        asked.append(ask("f", never))
        for name in "abfc":
            ends[name].set()
            await settled()
        assert begun == ["a", "b", "f", "c"]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(one) for one in found] == [type(None)] * 4 + [asyncio.CancelledError, type(None)]
        last = ask("g", never)
        ends["g"].set()
        await last
        assert begun[-1] == "g"

    asyncio.run(run())
