"""The process: `granian --interface asgi billing.stripe_simulator.app:app`.

Its state is one SQLite file in APIM_HOME. Everything happens in one event loop, one request after
the other; only waiting (a meter's lock, a webhook's answer) lets others in between.
"""

import asyncio
import contextlib
import itertools
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from apim.env import env_path, env_str
from billing.stripe_simulator import deliveries, pages
from billing.stripe_simulator.api import Api
from billing.stripe_simulator.control import control
from billing.stripe_simulator.engine import catch_up, prune
from billing.stripe_simulator.errors import StripeProblem
from billing.stripe_simulator.http import (
    Answer,
    HungUp,
    Receive,
    Request,
    Scope,
    Send,
    TooLarge,
    json_answer,
    read,
    write,
)
from billing.stripe_simulator.resources.endpoints import seed_endpoint
from billing.stripe_simulator.store import Store
from billing.stripe_simulator.world import World

TICK_SECONDS = 0.25
PRUNE_TICKS = 14_400  # an hour
AT_ONCE = 4
SETTLE_ROUNDS = 200
DEFAULT_KEY = "sk_test_simulator"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How one simulator is set up. `webhook_url` and its secret: an endpoint that hears all."""

    path: str = ":memory:"
    secret_key: str = DEFAULT_KEY
    public_url: str = ""
    webhook_url: str = ""
    webhook_secret: str = ""


def from_environment() -> Options:
    """Read the environment. The state is kept in APIM_HOME, or nowhere if that is not set."""
    path = ":memory:"
    if env_str("APIM_HOME", ""):
        folder = env_path("APIM_HOME", Path()) / "stripe"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = str(folder / "simulator.sqlite3")
    return Options(
        path=path,
        secret_key=env_str("APIM_STRIPE_SIMULATOR_KEY", "") or DEFAULT_KEY,
        public_url=env_str("APIM_STRIPE_SIMULATOR_PUBLIC_URL", "").rstrip("/"),
        webhook_url=env_str("APIM_STRIPE_SIMULATOR_WEBHOOK_URL", ""),
        webhook_secret=env_str("STRIPE_WEBHOOK_SECRET", ""),
    )


@dataclass
class Simulator:
    """An ASGI application over one world."""

    options: Options
    world: World = field(init=False)
    api: Api = field(init=False)
    _clockwork: asyncio.Task[None] | None = None
    _sending: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        options = self.options
        self.world = World(
            Store(options.path),
            options.secret_key,
            options.public_url,
            options.webhook_url,
            options.webhook_secret,
        )
        self.api = Api(self.world)
        if options.webhook_url:
            seed_endpoint(self.world, url=options.webhook_url, secret=options.webhook_secret)
        self.world.store.commit()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        try:
            request = await read(scope, receive)
            answer = await self._answer(request)
        except HungUp:
            return  # half a request is none
        except TooLarge:
            answer = json_answer(StripeProblem("The body is too large.").body(), status=413)
        except Exception:  # noqa: BLE001  an unknown defect is a 500 with nothing half done
            self.world.store.rollback()
            traceback.print_exc(file=sys.stderr)
            problem = StripeProblem(
                "The simulator failed: see its log.", status=500, kind="api_error"
            )
            answer = json_answer(problem.body(), status=500)
        await write(send, answer, without_body=scope["method"] == "HEAD")

    async def _live(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "lifespan.shutdown":
            self._clockwork = asyncio.create_task(self._run_clock())
            await send({"type": f"{message['type']}.complete"})
        if self._clockwork:
            self._clockwork.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._clockwork
        self.world.store.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, request: Request) -> Answer:
        if request.path == "/readyz":
            return json_answer({"status": "ready"})
        if not self.options.public_url:
            self.world.base_url = f"http://{request.headers.get('host', 'localhost')}"
        self._pass_time()
        if request.path.startswith(("/v1/", "/v2/")):
            answer = await self.api.answer(request)
        elif request.path.startswith("/_simulator/"):
            answer = await self._controlled(request)
        else:
            answer = pages.page(self.world, request)
            self.world.store.commit()
        self._plan()
        return answer

    async def _controlled(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self.options.secret_key}":
            return json_answer(StripeProblem("Show the secret key.").body(), status=401)
        if request.path == "/_simulator/settle":
            await self.settle()
        try:
            answer = control(self.world, request)
        except StripeProblem as problem:
            self.world.store.rollback()
            return json_answer(problem.body(), status=problem.status)
        self.world.store.commit()
        return answer

    def _pass_time(self) -> None:
        try:
            catch_up(self.world)
        except Exception:
            self.world.store.rollback()
            raise

    def _plan(self) -> None:
        deliveries.plan(self.world)
        self.world.store.commit()

    async def _run_clock(self) -> None:
        """Let time pass and webhooks go out, while no request asks for it."""
        for tick in itertools.count():
            try:
                self._pass_time()
                self._plan()
                await self._send_due()
                if tick % PRUNE_TICKS == 0:
                    prune(self.world)
            except Exception:  # noqa: BLE001  the next tick may do better; the log says why
                self.world.store.rollback()
                traceback.print_exc(file=sys.stderr)
            await asyncio.sleep(TICK_SECONDS)

    async def _send_due(self) -> int:
        """Send what is due, a few at a time; return how many were tried."""
        waiting = [d["id"] for d in deliveries.due(self.world) if d["id"] not in self._sending]
        one_by_one = self.world.settings["shuffle_webhooks"]
        self.world.store.commit()
        size = 1 if one_by_one else AT_ONCE
        for start in range(0, len(waiting), size):
            await asyncio.gather(*(self._send(name) for name in waiting[start : start + size]))
        return len(waiting)

    async def _send(self, delivery_id: str) -> None:
        delivery = self.world.store.get("_delivery", delivery_id)
        if delivery is None or delivery_id in self._sending or not deliveries.is_due(delivery):
            return  # somebody else, a clock's tick or a settling, was faster
        self._sending.add(delivery_id)
        try:
            request = deliveries.request_of(self.world, delivery)
            status, problem = await asyncio.to_thread(deliveries.send, request)
            deliveries.note(self.world, delivery_id, status, problem)
            self.world.store.commit()
        finally:
            self._sending.discard(delivery_id)

    async def settle(self) -> None:
        """Return when time has caught up and every delivery that is due was tried."""
        for _ in range(SETTLE_ROUNDS):
            self._pass_time()
            self._plan()
            if not await self._send_due() and not self._sending:
                return
            await asyncio.sleep(0.01)


_running: Simulator | None = None


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one simulator, set up by the environment on the first call."""
    global _running  # noqa: PLW0603  one process, one simulator
    if _running is None:
        _running = Simulator(from_environment())
    await _running(scope, receive, send)
