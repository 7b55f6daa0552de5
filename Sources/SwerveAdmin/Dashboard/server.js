// What the page asks of its server. The token goes into a header and nowhere else.

const TOKEN = "token";
/** How long to wait before connecting again: 1 s, twice as long after each failure, 10 s at most. */
const RETRY = { first: 1000, most: 10000 };
/** A stream without even a comment for so long is dead; the server sends one every 15 s. */
const SILENCE = 40000;

export const token = {
    get: () => sessionStorage.getItem(TOKEN) ?? "",
    set(value) {
        if (value) sessionStorage.setItem(TOKEN, value);
        else sessionStorage.removeItem(TOKEN);
    },
};

/** An answer that is none, with what the server says about it. */
export class Refused extends Error {
    constructor(status, message) {
        super(message);
        this.status = status;
    }
    get isAboutToken() {
        return this.status === 401 || this.status === 403;
    }
}

function headers() {
    return token.get() ? { authorization: `Bearer ${token.get()}` } : {};
}

async function refusal(response) {
    const content = await response.json().catch(() => null);
    // Paths in Ray's shapes have a text.
    const error = content?.error;
    const message = typeof error === "string" ? error : error?.message;
    return new Refused(response.status, message ?? `the server answered ${response.status}`);
}

/** Sends a request and returns the answer's JSON. */
export async function ask(method, path, content) {
    const options = { method, headers: headers(), signal: AbortSignal.timeout(15000), cache: "no-store" };
    if (content !== undefined) {
        options.body = JSON.stringify(content);
        options.headers["content-type"] = "application/json";
    }
    let response;
    try {
        response = await fetch(path, options);
    } catch (error) {
        throw new Refused(0, error.name === "TimeoutError" ? "the server did not answer within 15 s" : "the server cannot be reached");
    }
    if (!response.ok) throw await refusal(response);
    return response.json();
}

/** A path with names in it. */
export function path(strings, ...names) {
    return strings.reduce((text, part, index) => text + encodeURIComponent(names[index - 1]) + part);
}

/**
 * Reads the server's events for as long as the page lives. `EventSource` cannot send a token, so they are read from a
 * `fetch`. `changed` is told `"connecting"`, `"connected"`, or `"lost"` with the reason and when it tries again.
 */
export function follow(show, changed) {
    let wait = RETRY.first;
    let wake = () => {};
    async function run() {
        for (;;) {
            let reason;
            try {
                await read(show, () => {
                    wait = RETRY.first;
                    changed({ state: "connected" });
                });
                reason = new Refused(0, "the server ended the stream");
            } catch (error) {
                reason = error instanceof Refused ? error : new Refused(0, "the server cannot be reached");
            }
            changed({ state: "lost", reason, retryAt: Date.now() + wait });
            await new Promise((resolve) => {
                wake = resolve;
                setTimeout(resolve, wait);
            });
            wait = Math.min(2 * wait, RETRY.most);
            changed({ state: "connecting", reason });
        }
    }
    run();
    return { now: () => wake() };
}

async function read(show, connected) {
    const abort = new AbortController();
    let alarm = setTimeout(() => abort.abort(), SILENCE);
    try {
        const response = await fetch("/api/v1/events", { headers: headers(), signal: abort.signal, cache: "no-store" });
        if (!response.ok) throw await refusal(response);
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let text = "";
        for (;;) {
            const { value, done } = await reader.read();
            if (done) return;
            clearTimeout(alarm);
            alarm = setTimeout(() => abort.abort(), SILENCE);
            const events = (text + value).split("\n\n");
            text = events.pop();
            for (const event of events) {
                const lines = event.split("\n");
                if (!lines.includes("event: status")) continue;
                const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
                connected();
                show(JSON.parse(data));
            }
        }
    } finally {
        clearTimeout(alarm);
        abort.abort();
    }
}
