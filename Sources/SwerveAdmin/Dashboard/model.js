import { ask } from "./server.js";

// What the page knows. Views read it; `changed` draws the page again.

export const model = {
    /** The latest status, or null before the first. */
    status: null,
    /** When it came, in the browser's time. */
    receivedAt: 0,
    connection: { state: "connecting" },
    /** What the views fetched, by path. */
    fetched: new Map(),
};

let draw = () => {};
let isDue = false;

export function onChange(callback) {
    draw = callback;
}

/** Draws the page soon, once for all changes until then. */
export function changed() {
    if (isDue) return;
    isDue = true;
    const run = () => {
        isDue = false;
        draw();
    };
    // A page in the background gets no frames.
    if (document.hidden) setTimeout(run, 250);
    else requestAnimationFrame(run);
}

/** The server's present time, in milliseconds since 1970. */
export function now() {
    const time = Date.parse(model.status?.instance?.now ?? "");
    return Number.isNaN(time) ? Date.now() : time + Date.now() - model.receivedAt;
}

/** Whole seconds since a point in time of the server, at least 1. */
export function age(time) {
    return Math.max(1, Math.floor((now() - Date.parse(time)) / 1000));
}

export function deployments() {
    return Object.values(model.status?.applications ?? {}).flatMap((application) =>
        Object.values(application.deployments ?? {}));
}

export function take(status) {
    model.status = status;
    model.receivedAt = Date.now();
    changed();
}

/**
 * What a path answered last, asked for again when that is older than `seconds`. Call it while drawing: what it returns
 * is `{ data, error }`, either of which may be missing.
 */
export function fetched(path, seconds) {
    const entry = model.fetched.get(path) ?? { at: 0, isUnderWay: false };
    model.fetched.set(path, entry);
    if (!entry.isUnderWay && Date.now() - entry.at >= seconds * 1000) {
        entry.isUnderWay = true;
        ask("GET", path).then(
            (data) => Object.assign(entry, { data, error: null }),
            (error) => Object.assign(entry, { error }),
        ).finally(() => {
            entry.at = Date.now();
            entry.isUnderWay = false;
            changed();
        });
    }
    return entry;
}

/** Forgets what was fetched, so that it is asked for again. */
export function refetch() {
    for (const entry of model.fetched.values()) entry.at = 0;
    changed();
}
