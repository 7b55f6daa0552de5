import ArgumentParser
import Swerve
import SwerveModels

/// Serves the applications of the course, or runs its cells one after another.
@main
struct Segmentation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Image segmentation with SegFormer, composed of several deployments.",
        discussion: """
            POST text to /text-converter, a picture (JPEG, PNG or a .npy array) to /, /threshold, /segment, \
            /sharpen-then-segment or /basic-linear, and an array of any shape to /threshold/array.
            """
    )

    @Option(help: "The port to listen on; 0 for any free one.")
    var port = 8000

    @Option(help: "A SegFormer: the path of a folder, or the name of a repository on the hub, owner/name.")
    var model = "Examples/Segmentation/Models/shapes"

    @Option(help: "A branch, tag or commit of the repository.")
    var revision = "main"

    @Option(help: "Which of its ONNX files: fp16, quantized, ...; model.onnx by default.")
    var variant = ""

    @Option(help: "How many replicas of the model to run; those of /basic-linear are its own.")
    var replicas = 1

    @Option(help: "The part of a GPU that each of them reserves, such as 0.3; 0 for none.")
    var gpus = 0.0

    @Option(help: "How many threads one run of the model uses; 0 for its share of the cores.")
    var threads = 0

    @Flag(help: "Use OpenVINO where it is installed, in bf16 where the processor can: a few pixels may differ.")
    var fast = false

    @Option(help: "A file to write the port to once all applications run.")
    var portFile: String?

    @Flag(help: "Serve only the application at /, with a model of its own.")
    var composition = false

    @Flag(help: "Serve more graphs, too: /ensemble, /graph/sharp and /graph/map.")
    var graphs = false

    @Flag(help: "Print the graph of /ensemble in the Graphviz language, and exit.")
    var drawGraph = false

    @Flag(help: "Run the cells of the course one after another, and exit.")
    var notebook = false

    @Option(help: "The folder for what the notebook would show, as .npy files; with --notebook.")
    var save: String?

    func run() async throws {
        if drawGraph { return print(try Graphs(segmenter: segmenter).ensemble().graph.dot, terminator: "") }
        if notebook { return try await Notebook(segmenter: segmenter, port: port, folder: save).run() }
        try await Serve.start(ServeOptions(port: port))
        if composition { try await runComposition() } else { try await runApplications() }
        if graphs { try await Graphs(segmenter: segmenter).runMore() }
        if let portFile, let port = await Serve.port { try write("\(port)\n".utf8, to: portFile) }
        try await Serve.waitForShutdownSignal()
    }

    /// Runs each part of the course as an application. Three of them call the same model: a handle of a running
    /// deployment is passed to `bind` like a bound one. A graph calls only deployments of its own application.
    private func runApplications() async throws {
        try await Serve.run(TextConverter.bind(), name: "text-converter", routePrefix: "/text-converter")
        try await Serve.run(Threshold.bind(threshold: 128), name: "threshold", routePrefix: "/threshold")
        let options = Segmenter.options(numReplicas: replicas, resources: Resources(gpus: gpus))
        let segmenter = try await Serve.run(segmenter(options), name: "segment", routePrefix: "/segment")
        let sharpenThenSegment = try await Serve.run(
            SharpenThenSegment.bind(segmenter: segmenter),
            name: "sharpen-then-segment",
            routePrefix: "/sharpen-then-segment"
        )
        let graph = Graphs(segmenter: self.segmenter).basicLinear()
        try await Serve.run(GraphDriver.bind(graph), name: "basic-linear", routePrefix: "/basic-linear")
        try await Serve.run(Ingress.bind(processor: sharpenThenSegment), name: "composition")
    }

    /// Runs what the course ends with: three deployments, bound to each other.
    private func runComposition() async throws {
        let options = Segmenter.options(numReplicas: replicas, resources: Resources(gpus: gpus))
        let processor = SharpenThenSegment.bind(segmenter: segmenter(options))
        try await Serve.run(Ingress.bind(processor: processor), name: "composition")
    }

    /// The model of the command line, with deployment options.
    private func segmenter(_ deployment: Segmenter.Configured) -> Segmenter {
        var session = fast ? SegFormerOptions.fastSession : SegFormerOptions.defaultSession
        session.intraOpThreads = threads
        let name = ModelName(model, revision: revision)
        return deployment.bind(modelName: name, variant: ONNXVariant(variant), session: session)
    }
}
