// Numbers, times and states as people read them.

/** `950 ms`, `4.2 s`, `17 min`, `3 h 05 min`, `2 d 4 h`. */
export function duration(seconds) {
    if (!Number.isFinite(seconds)) return "–";
    if (seconds < 0.0995) return `${Math.max(0, Number((seconds * 1000).toPrecision(2)))} ms`;
    if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
    if (seconds < 10 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)} s`;
    if (seconds < 100) return `${Math.floor(seconds)} s`;
    const minutes = Math.floor(seconds / 60);
    if (minutes < 100) return `${minutes} min`;
    const hours = Math.floor(minutes / 60);
    if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
    return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `412 MiB`, `1.5 GiB`. */
export function bytes(count) {
    if (!Number.isFinite(count)) return "–";
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let value = count;
    let unit = 0;
    while (value >= 1000 && unit < units.length - 1) {
        value /= 1024;
        unit += 1;
    }
    return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Three digits: `0.042`, `7.3`, `128`, `1 250`, `12 k`. */
export function number(value) {
    if (!Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
    if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))} k`;
    if (size >= 100 || Number.isInteger(value)) return String(Math.round(value));
    return String(Number(value.toPrecision(2)));
}

export function plural(count, one, many = `${one}s`) {
    return `${count} ${count === 1 ? one : many}`;
}

/** `12:03:10`, and the day if it is another one. */
export function clock(time) {
    const date = new Date(time);
    if (Number.isNaN(date.getTime())) return "–";
    const text = date.toLocaleTimeString("en-GB");
    return date.toDateString() === new Date().toDateString() ? text : `${date.toLocaleDateString("en-CA")} ${text}`;
}

/** `deployFailed` as `deploy failed`. */
export function words(name) {
    return String(name ?? "").replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}

const KINDS = {
    good: ["running", "healthy", "serving", "loaded", "ready"],
    busy: ["starting", "deploying", "updating", "upscaling", "downscaling", "reconfiguring", "loading", "connecting", "pending"],
    bad: ["unhealthy", "deployFailed", "failed", "lost"],
};

/** How a state looks: `good`, `busy`, `bad`, or `quiet` for what ends. */
export function kindOf(state) {
    return Object.keys(KINDS).find((kind) => KINDS[kind].includes(state)) ?? "quiet";
}

/** Names in the order in which people count: `b2` before `b10`. */
export function sorted(values, key = (value) => value) {
    const order = new Intl.Collator("en", { numeric: true }).compare;
    return [...values].sort((left, right) => order(key(left), key(right)));
}
