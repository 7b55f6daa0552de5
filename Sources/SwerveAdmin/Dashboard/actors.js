// Every process of the instance, and what it uses.
import { bytes, duration } from "./format.js";
import { deployments, fetched, model } from "./model.js";
import { empty, failure, meter, state, table } from "./parts.js";
import { h } from "./render.js";

/** How often the processes are measured: every 2 s while the view is open. */
const PERIOD = 2;

export function actors() {
    const { data, error } = fetched("/api/v1/processes", PERIOD);
    if (!data) return error ? failure("The processes", error) : empty("Measuring the processes …");
    const processes = data.processes;
    const most = Math.max(...processes.map((process) => process.memory_bytes ?? 0), 1);
    const hasGPU = processes.some((process) => process.gpu_memory_bytes !== undefined);
    const columns = [
        { name: "Process" }, { name: "Kind" }, { name: "Deployment", isWide: true }, { name: "Replica" }, { name: "State" },
        { name: "Uptime", isNumber: true }, { name: "CPU", isNumber: true }, { name: "Memory", isNumber: true },
        ...(hasGPU ? [{ name: "GPU memory", isNumber: true }] : []),
    ];
    const total = (field) => processes.reduce((sum, process) => sum + (process[field] ?? 0), 0);
    return h("section", { key: "actors", "aria-labelledby": "actors-title" },
        h("header", null, h("h2", { id: "actors-title" }, "Processes"),
            h("span.facts", null, `${processes.length} processes · CPU ${percent(total("cpu_percent"))} · memory ${bytes(total("memory_bytes"))}`,
                hasGPU ? ` · GPU memory ${bytes(total("gpu_memory_bytes"))}` : "")),
        error ? failure("New measurements", error) : null,
        table("processes", columns, processes.map((process) => ({
            key: process.process_id,
            cells: [
                process.process_id, process.kind, deployment(process), replica(process), state(process.state),
                process.uptime === undefined ? null : duration(process.uptime),
                process.cpu_percent === undefined ? null : measured(percent(process.cpu_percent), process.cpu_percent / 100),
                process.memory_bytes === undefined ? null : measured(bytes(process.memory_bytes), process.memory_bytes / most),
                ...(hasGPU ? [process.gpu_memory_bytes === undefined ? null : bytes(process.gpu_memory_bytes)] : []),
            ],
        }))),
        h("p.hint", null, "CPU is of one core since the measurement before. Memory is each process's share of what it uses."));
}

const measured = (text, share) => h("span.measured", null, meter(share), h("span", null, text));

const percent = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} %`;

function deployment(process) {
    return process.deployment === undefined ? null : `${process.application}/${process.deployment}`;
}

/** Replicas in the instance's own process have no process of their own. */
function replica(process) {
    if (process.replica) return h("code", null, process.replica.slice(process.replica.lastIndexOf("#")));
    if (process.kind === "proxy") return h("code", null, `proxy ${process.proxy}`);
    if (process.kind !== "instance") return null;
    const inside = deployments().flatMap((deployment) => deployment.replicas)
        .filter((replica) => replica.process_id === model.status.instance.process_id);
    return inside.length ? h("span", null, "in process: ", inside.map((replica, index) =>
        h("code", { key: replica.id }, (index ? " " : "") + replica.id))) : null;
}
