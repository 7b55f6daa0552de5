// The page: takes the token, follows the server's events, and draws the view that the address names.
import { act } from "./actions.js";
import { actors } from "./actors.js";
import { prepare } from "./dialog.js";
import { clock, duration } from "./format.js";
import { graph } from "./graph.js";
import { logs } from "./logs.js";
import { metrics } from "./metrics.js";
import { age, changed, model, onChange, refetch, take } from "./model.js";
import { empty } from "./parts.js";
import { h, render } from "./render.js";
import { serve } from "./serve.js";
import { follow, token } from "./server.js";

const VIEWS = { serve, actors, graph, metrics, logs };
const TITLES = { serve: "Serve", actors: "Actors", graph: "Graph", metrics: "Metrics", logs: "Logs" };

// The token comes once in the fragment (#token=…), which browsers do not send, and stays with this tab.
const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.has("token")) {
    token.set(fragment.get("token"));
    history.replaceState(null, "", location.pathname);
}

let stream = null;

/** The view and what it is asked for, as in `#metrics/echo%2FEcho`. */
function address() {
    const [name, ...rest] = location.hash.slice(1).split("/").map((part) => {
        try { return decodeURIComponent(part); } catch { return part; }
    });
    return Object.hasOwn(VIEWS, name) ? { name, rest } : { name: "serve", rest: [] };
}

function draw() {
    const { name, rest } = address();
    document.title = `${TITLES[name]} – Swerve`;
    render(document.querySelector("nav"), Object.entries(TITLES).map(([key, title]) =>
        h("a", { key, href: `#${key}`, "aria-current": key === name ? "page" : undefined }, title)));
    render(document.querySelector("#instance"), ...instance());
    connection();
    const main = document.querySelector("main");
    main.className = name;
    render(main, model.status ? view(name, rest) : waiting());
}

/** A view that cannot be drawn says so; the others and the connection go on. */
function view(name, rest) {
    try {
        return VIEWS[name](...rest);
    } catch (error) {
        console.error(error);
        return empty("This cannot be shown", error.message);
    }
}

function instance() {
    if (!model.status) return [];
    const { http, process_id: id, started_at: start, build, controller, proxies = [], target_capacity: capacity } = model.status.instance;
    return [
        http ? h("span", { key: "http" }, "HTTP ", h("code", null, `${http.host}:${http.port}`)) : h("span", { key: "http" }, "no HTTP"),
        h("span", { key: "process" }, "process ", h("code", null, id)),
        h("span", { key: "up" }, `up ${duration(age(start))}`),
        controller?.placement === "separate" ? h("span", { key: "controller" }, "separate controller") : null,
        proxies.length ? h("span", { key: "proxies" }, `${proxies.length} proxies`) : null,
        capacity === undefined ? null : h("span", { key: "capacity" }, `capacity ${capacity} %`),
        build ? h("span", { key: "build", title: build }, "build ", h("code", null, build.slice(0, 8))) : null,
    ].filter(Boolean);
}

function connection() {
    const { state, reason, retryAt } = model.connection;
    const place = document.querySelector("#connection");
    const text = state === "connected" ? "Live" : state === "lost" || reason ? "Not connected" : "Connecting";
    place.className = state === "connected" ? "good" : state === "lost" || reason ? "bad" : "busy";
    if (place.textContent !== text) place.textContent = text;
    const isLost = state !== "connected" && Boolean(reason);
    document.body.classList.toggle("stale", isLost);
    const wait = Math.max(0, Math.ceil(((retryAt ?? 0) - Date.now()) / 1000));
    const banner = document.querySelector("#banner");
    banner.hidden = !isLost;
    render(banner, isLost ? [
        h("strong", null, "Not connected: "), `${reason.message}. `,
        model.status ? `This is what was known at ${clock(model.receivedAt)}. ` : "",
        h("span", { "aria-hidden": "true" }, state === "lost" && wait > 0 ? `Next try in ${wait} s. ` : "Trying again … "),
        h("button", { type: "button", onClick: () => stream.now() }, "Try now"),
        reason.isAboutToken ? h("button", { type: "button", onClick: enterToken }, "Enter the token") : null,
    ] : null);
    const held = document.querySelector("#token");
    held.textContent = token.get() ? "Token kept" : "Enter token";
}

function waiting() {
    return model.connection.reason ? empty("Nothing to show yet") : empty("Connecting …");
}

function enterToken() {
    act.enterToken(() => {
        refetch();
        if (model.connection.state !== "connected") stream.now();
    });
}

prepare();
onChange(draw);
addEventListener("hashchange", () => {
    changed();
    scrollTo(0, 0);
});
addEventListener("resize", changed);
document.addEventListener("visibilitychange", changed);
document.querySelector("#token").addEventListener("click", enterToken);
document.querySelector(".skip").addEventListener("click", (event) => {
    // The fragment of the address names the view.
    event.preventDefault();
    document.querySelector("main").focus();
});
stream = follow(take, (state) => {
    if (state.state === "connected" && model.connection.state !== "connected") refetch();
    if (state.state === "connected" && model.connection.state === "connected") return;
    model.connection = state;
    changed();
});
// Ages, measurements and the time until the next try go on without events.
setInterval(() => {
    if (!document.hidden) changed();
}, 1000);
draw();
