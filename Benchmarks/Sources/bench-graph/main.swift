import Swerve

// Serves the same calls twice: as a graph at /graph, and written by hand at /hand.
//
//   bench-graph PORT chain3|fan8|large_4mib process|inProcess

let arguments = CommandLine.arguments
guard arguments.count == 4, let port = Int(arguments[1]),
    let placement = ["process": DeploymentOptions.Placement.process, "inProcess": .inProcess][arguments[3]]
else { fatalError("usage: bench-graph PORT chain3|fan8|large_4mib process|inProcess") }

let flows = Flows(placement: placement)
try await Serve.start(ServeOptions(port: port))
switch arguments[2] {
case "chain3":
    try await Serve.run(flows.chainByHand(), name: "hand", routePrefix: "/hand")
    try await Serve.run(flows.chain(), name: "graph", routePrefix: "/graph")
case "fan8":
    try await Serve.run(flows.fanByHand(), name: "hand", routePrefix: "/hand")
    try await Serve.run(flows.fan(), name: "graph", routePrefix: "/graph")
case "large_4mib":
    try await Serve.run(flows.largeByHand(), name: "hand", routePrefix: "/hand")
    try await Serve.run(flows.large(), name: "graph", routePrefix: "/graph")
default: fatalError("there is no flow '\(arguments[2])'")
}
try await Serve.waitForShutdownSignal()
