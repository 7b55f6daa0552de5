// Applications, their deployments and replicas.
import { act } from "./actions.js";
import { bytes, duration, kindOf, plural, sorted, words } from "./format.js";
import { age, fetched, model } from "./model.js";
import { button, empty, shares, sign, state, table } from "./parts.js";
import { h } from "./render.js";
import { path } from "./server.js";
import { reasons } from "./why.js";

export function serve() {
    const applications = sorted(Object.values(model.status.applications), (application) => application.name);
    if (applications.length === 0) return empty("No application runs", "Deploy one with Serve.run, or with a configuration file.");
    return applications.map(section);
}

function section(application) {
    const { name } = application;
    const deployments = sorted(Object.values(application.deployments), (deployment) => deployment.id);
    const isDeleting = application.state === "deleting";
    return h("section.application", { key: name, "aria-label": `application ${name}` },
        h("header", null,
            h("h2", null, name), state(application.state),
            h("span.facts", null, application.route_prefix
                ? ["at ", h("code", null, application.route_prefix)] : "no HTTP route",
            " · ", plural(deployments.length, "deployment"), revision(name)),
            h("span.actions", null,
                button("Roll back", `Roll back ${name}`, () => act.rollBack(name)),
                isDeleting ? null : button("Delete", `Delete ${name}`, () => act.remove(name), "danger"))),
        application.message && !isTold(application) ? h("p.message", null, application.message) : null,
        deployments.map((deployment) => block(application, deployment)));
}

/** Which deploy of the application runs, asked for every 5 s. */
function revision(application) {
    const { data } = fetched(path`/api/v1/applications/${application}/revisions`, 5);
    const current = data?.revisions.find((one) => one.is_current);
    return current ? ` · revision ${current.revision}, deployed ${duration(age(current.deployed_at))} ago` : "";
}

/** Whether the deployments say what the application's message says. */
function isTold(application) {
    return /^deployment '/.test(application.message)
        && Object.values(application.deployments).some((deployment) => reasons(application, deployment).some(Boolean));
}

function block(application, deployment) {
    const { id, options = {}, target } = deployment;
    const name = id.slice(application.name.length + 1);
    const running = deployment.replicas.filter((replica) => replica.state === "running").length;
    const shown = reasons(application, deployment).filter(Boolean);
    return h("article.deployment", { key: id, "aria-label": `deployment ${id}` },
        h("header", null,
            h("h3", null, name), state(deployment.state),
            h("span.count", null, h("strong", null, `${running} of ${target.replicas}`), " running", dots(deployment)),
            h("span.facts", null, [
                deployment.autoscaling ? `autoscaled ${deployment.autoscaling.min_replicas}–${deployment.autoscaling.max_replicas}` : null,
                options.placement === "process" ? "own processes" : words(options.placement),
                options.max_ongoing_requests ? `${options.max_ongoing_requests} ongoing each` : null,
            ].filter(Boolean).join(" · ")),
            h("span.actions", null,
                h("a.button", { href: `#metrics/${encodeURIComponent(id)}`, "aria-label": `Metrics of ${name}` }, "Metrics"),
                deployment.state === "deleting" ? null
                    : button("Scale", `Scale ${name}`, () => act.scale(application.name, name, target.replicas)))),
        shown.length ? h("dl.reasons", null, shown) : null,
        replicas(deployment));
}

/** One sign for each replica, and one for each that waits for resources. */
function dots(deployment) {
    const pending = Array(Math.min(deployment.pending?.count ?? 0, 64)).fill("pending");
    const states = [...deployment.replicas.map((replica) => replica.state), ...pending];
    return h("span.dots", { "aria-hidden": "true" }, states.slice(0, 64).map((state) => sign(kindOf(state))));
}

/** So many replicas are shown at once; more are behind a click. */
const FEW = 12;
const PHASES = [["placed", "placing"], ["spawned", "spawning"], ["connected", "connecting"], ["ready", "loading"]];

function replicas(deployment) {
    const list = sorted(deployment.replicas, (replica) => replica.id);
    if (list.length === 0) return null;
    const uses = {
        models: list.some((replica) => replica.models),
        holds: list.some((replica) => replica.reservation || replica.memory_limit),
    };
    const columns = [
        { name: "Replica" }, { name: "State" }, { name: "Process" }, { name: "Node" }, { name: "Start", isWide: true },
        ...(uses.holds ? [{ name: "Holds", isWide: true }] : []), ...(uses.models ? [{ name: "Models", isWide: true }] : []),
    ];
    const content = table(`replicas of ${deployment.id}`, columns, list.map((replica) => ({
        key: replica.id,
        cells: [
            h("code", null, replica.id.slice(replica.id.lastIndexOf("#"))), state(replica.state), replica.process_id, replica.node,
            startUp(replica.start_up ?? {}),
            ...(uses.holds ? [holds(replica)] : []), ...(uses.models ? [models(replica.models)] : []),
        ],
        note: replica.message ? h("span.bad", null, replica.message) : null,
    })), "replicas");
    return list.length <= FEW ? content : h("details", null, h("summary", null, `${list.length} replicas`), content);
}

/** How long each phase took, and in which it is. */
function startUp(times) {
    let before = 0;
    const parts = [];
    for (const [field, phase] of PHASES) {
        if (times[field] === undefined) return h("span.phase", null, `${phase}…`, parts.length ? ` after ${duration(before)}` : "");
        const value = Math.max(0, times[field] - before);
        parts.push({ name: phase, value, text: `${phase} ${duration(value)}` });
        before = times[field];
    }
    const longest = parts.reduce((left, right) => (right.value > left.value ? right : left));
    return h("span.start", { title: parts.map((part) => part.text).join(", ") },
        shares(parts.map((part) => ({ ...part, text: part === longest ? `mostly ${part.name}` : "" })), "phases"),
        h("span.total", null, duration(before)));
}

function holds(replica) {
    const { resources = {}, gpus = [] } = replica.reservation ?? {};
    const names = { cpus: "CPU", gpus: "GPU", cpu: "CPU", gpu: "GPU" };
    const parts = Object.entries(resources).flatMap(([name, amount]) => {
        if (typeof amount === "object") return Object.entries(amount ?? {}).map(([inner, value]) => `${value} ${inner}`);
        if (!(amount > 0)) return [];
        return [name === "memory" ? bytes(amount) : `${amount} ${names[name] ?? name}`];
    });
    if (gpus.length) parts.push(`GPU ${gpus.join(", ")}`);
    const limit = replica.memory_limit;
    if (limit) parts.push(limit.enforcement === "none" ? `limit not enforced: ${limit.reason}` : `limit by ${words(limit.enforcement)}`);
    return parts.join(" · ");
}

function models(models) {
    if (!models) return null;
    const { models: list = [], max_models: most } = models;
    return h("span.models", null, `${list.length} of ${most} `, list.map((model) =>
        h("span.model", { key: model.id }, sign(kindOf(model.state)), model.id,
            model.load_time === undefined ? "" : ` ${duration(model.load_time)}`)));
}
