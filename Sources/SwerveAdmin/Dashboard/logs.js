// Lines of the logs of all processes.
import { act } from "./actions.js";
import { clock } from "./format.js";
import { changed, fetched, refetch } from "./model.js";
import { button, empty, failure } from "./parts.js";
import { h } from "./render.js";

const LEVELS = ["trace", "debug", "info", "notice", "warning", "error", "critical"];
/** So many lines are drawn, the latest ones. */
const MOST = 1000;
const wanted = { text: "", level: "trace", source: "" };

export function logs() {
    const { data, error } = fetched("/api/v1/logs", 2);
    // What programs print may be secret, so it takes the token.
    if (error?.isAboutToken) {
        return [failure("Logs", error), h("p.ask", { key: "ask" },
            button("Enter the token", "Enter the token for the logs", () => act.enterToken(refetch)))];
    }
    if (!data) return error ? failure("Logs", error) : empty("Reading the logs …");
    const lines = (data.lines ?? []).map(parts);
    const sources = [...new Set(lines.map((line) => line.source).filter(Boolean))].sort();
    const least = LEVELS.indexOf(wanted.level);
    const shown = lines.filter((line) => (!wanted.source || line.source === wanted.source)
        && (LEVELS.indexOf(line.level) < 0 || LEVELS.indexOf(line.level) >= least)
        && line.all.includes(wanted.text.toLowerCase())).slice(-MOST);
    const set = (field) => (event) => {
        wanted[field] = event.target.value;
        changed();
    };
    return [
        h("div.tools", { key: "tools" },
            h("label", null, "Contains ", h("input", { type: "search", onInput: set("text"), spellcheck: "false" })),
            h("label", null, "From ", h("select", { onChange: set("source") }, h("option", { value: "" }, "everything"),
                sources.map((source) => h("option", { key: source, value: source }, source)))),
            h("label", null, "Level ", h("select", { onChange: set("level") }, LEVELS.map((level) =>
                h("option", { key: level, value: level }, level)))),
            h("span.facts", null, `${shown.length} of ${lines.length} lines`)),
        error ? failure("New lines", error) : null,
        shown.length ? h("ol.log", { key: "lines", "aria-label": "lines of the log", tabindex: 0 }, shown.map((line, index) =>
            h(`li.${LEVELS.includes(line.level) ? line.level : "info"}`, { key: index }, h("time", null, line.time), h("b", null, line.level),
                h("code.source", null, line.source), h("span.text", null, line.message)))) : empty("No line fits"),
    ];
}

/** Whatever a line has besides the usual fields stands behind its message. */
function parts(line) {
    if (typeof line === "string") return { time: "", level: "", source: "", message: line, all: line.toLowerCase() };
    const {
        time, level = "", message = "", replica, process, process_id: id, metadata = {}, logger,
        // Part of the source, or of no use to people.
        application, deployment, number, stream, ...others
    } = line;
    const rest = Object.entries({ ...others, ...metadata }).map(([name, value]) =>
        ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
    const source = replica ?? process ?? (id === undefined ? "" : `process ${id}`);
    const text = (logger ? `${logger}: ` : "") + message + rest.join("");
    return { time: time ? clock(time) : "", level, source, message: text, all: `${text} ${source}`.toLowerCase() };
}
