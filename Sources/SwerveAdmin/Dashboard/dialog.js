// One dialog at a time: a form with what to decide, and what the server says about it.
import { h, render } from "./render.js";
import { token } from "./server.js";

const dialog = () => document.querySelector("#dialog");
let opener = null;
let shown = null;

/**
 * Opens a dialog. `content` describes what it asks, `run` does it and returns what to tell when it is done; what it
 * throws stays in the dialog. `isReady` is false while there is nothing to confirm. The dialog asks for the token when the
 * tab has none, and again when the server refuses it.
 */
export function open({ title, content, confirm, run, isDanger = false, isReady = () => true, asksToken = !token.get() }) {
    opener = document.activeElement;
    shown = { title, content, confirm, run, isDanger, isReady, asksToken, error: null, isBusy: false };
    draw();
    if (!dialog().open) dialog().showModal();
    const field = dialog().querySelector("input:not(:disabled)");
    field?.focus();
    field?.select();
}

export function draw() {
    if (!shown) return;
    const { title, content, confirm, error, isBusy, isDanger, isReady, asksToken } = shown;
    render(dialog(), h("form", { key: title, onSubmit: submit, method: "dialog" },
        h("h2", { id: "dialog-title" }, title),
        content(),
        asksToken ? tokenField() : null,
        error ? h("p.error", { role: "alert", key: "error" }, error.message) : null,
        h("div.buttons", { key: "buttons" },
            h("button", { type: "button", onClick: close }, "Cancel"),
            h(`button.primary${isDanger ? ".danger" : ""}`, { type: "submit", disabled: isBusy || !isReady() }, isBusy ? "…" : confirm))));
}

function tokenField() {
    return h("label.field", { key: "token" }, h("span", null, "Token"),
        h("input", { name: "token", type: "password", autocomplete: "off", required: true, spellcheck: "false" }),
        h("small", null, "The instance's log says which file has it. It stays in this tab and goes only to this server."));
}

async function submit(event) {
    event.preventDefault();
    const current = shown;
    if (!current || current.isBusy) return;
    const entered = event.target.elements.namedItem("token")?.value.trim();
    if (entered) token.set(entered);
    Object.assign(current, { isBusy: true, error: null });
    draw();
    try {
        const message = await current.run(new FormData(event.target));
        if (shown === current) close();
        tell(message);
    } catch (error) {
        Object.assign(current, { isBusy: false, error, asksToken: current.asksToken || Boolean(error.isAboutToken) });
        // A wrong token is of no use.
        if (error.isAboutToken) token.set("");
        if (shown !== current) return;
        draw();
        if (error.isAboutToken) {
            const field = dialog().querySelector("[name=token]");
            field?.focus();
            field?.select();
        }
    }
}

export function close() {
    dialog().close();
}

/** Says something for a while, also to screen readers. */
export function tell(message) {
    if (!message) return;
    const place = document.querySelector("#told");
    place.textContent = message;
    clearTimeout(tell.timer);
    tell.timer = setTimeout(() => { place.textContent = ""; }, 8000);
}

export function prepare() {
    dialog().addEventListener("close", () => {
        shown = null;
        render(dialog());
        // The button may be another element by now, or gone.
        const label = opener?.getAttribute?.("aria-label");
        const same = opener?.isConnected ? opener : label && document.querySelector(`[aria-label="${CSS.escape(label)}"]`);
        same?.focus?.();
    });
}
