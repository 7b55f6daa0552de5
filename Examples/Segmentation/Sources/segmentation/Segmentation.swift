import ArgumentParser
import Swerve
import SwerveModels

/// Serves the segmentation application, or runs the steps that lead to it.
@main
struct Segmentation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Image segmentation with SegFormer, composed of several deployments.",
        discussion:
            "POST a JPEG, a PNG or a .npy array to /, /segment, /sharpen-then-segment or /threshold, text to /text-converter."
    )

    @Option(help: "The port to listen on; 0 for any free one.")
    var port = 8000

    @Option(help: "A SegFormer: the path of a folder, or the name of a repository on the hub, owner/name.")
    var model = "Examples/Segmentation/Models/shapes"

    @Option(help: "A branch, tag or commit of the repository.")
    var revision = "main"

    @Option(help: "Which of its ONNX files: fp16, quantized, ...; model.onnx by default.")
    var variant = ""

    @Option(help: "How many replicas of the model to run.")
    var replicas = 1

    @Option(help: "How many threads one run of the model uses; 0 for its share of the cores.")
    var threads = 0

    @Flag(help: "Use OpenVINO where it is installed, in bf16 where the processor can: a few pixels may differ.")
    var fast = false

    @Option(help: "A file to write the port to once the application runs.")
    var portFile: String?

    @Flag(help: "Serve the graphs, too: /basic-linear, /ensemble, /graph/sharp and /graph/map.")
    var graphs = false

    @Flag(help: "Print the graph of /ensemble in the Graphviz language, and exit.")
    var drawGraph = false

    @Flag(help: "Run the steps one after another, call each as the course does, and exit.")
    var notebook = false

    func run() async throws {
        if drawGraph { return print(try Graphs(segformer: segformer).ensemble().graph.dot, terminator: "") }
        try await Serve.start(ServeOptions(port: port))
        if notebook {
            try await Notebook(segformer: segformer).run()
            return await Serve.shutdown()
        }
        try await Serve.run(application, name: "segmentation")
        if graphs { try await Graphs(segformer: segformer).run() }
        if let portFile, let port = await Serve.port { try write("\(port)\n", to: portFile) }
        try await Serve.waitForShutdownSignal()
    }

    /// The model of the command line, with deployment options.
    private func segformer(_ deployment: SegFormer.Configured) -> SegFormer {
        var options = SegFormerOptions(session: fast ? SegFormerOptions.fastSession : SegFormerOptions.defaultSession)
        options.session.intraOpThreads = threads
        return deployment.bind(model: model, revision: revision, variant: ONNXVariant(variant), options: options)
    }

    /// The whole application: five deployments, with every call between them checked by the compiler.
    private var application: Ingress {
        let segmenter = segformer(SegFormer.options(numReplicas: replicas, resources: Resources(cpus: 1)))
        return Ingress.bind(
            textConverter: TextConverter.bind(),
            threshold: Threshold.bind(),
            segmenter: segmenter,
            sharpenThenSegment: SharpenThenSegment.bind(segmenter: segmenter)
        )
    }
}
