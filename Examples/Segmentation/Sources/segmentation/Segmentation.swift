import ArgumentParser
import Swerve

/// Serves the segmentation application, or walks through the steps that lead to it.
@main
struct Segmentation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Image segmentation with SegFormer, composed of several deployments.",
        discussion:
            "POST a JPEG, a PNG or a .npy array to /, /segment, /sharpen-then-segment or /threshold, text to /text-converter."
    )

    @Option(help: "The port to listen on; 0 for any free one.")
    var port = 8000

    @Option(help: "A folder with model.onnx, config.json and preprocessor_config.json of a SegFormer.")
    var model = "Examples/Segmentation/Models/shapes"

    @Option(help: "How many replicas of the model run.")
    var replicas = 1

    @Option(help: "How many threads one run of the model uses; 0 lets ONNX Runtime choose.")
    var threads = 0

    @Option(help: "A file to write the port to when the application runs.")
    var portFile: String?

    @Flag(help: "Run the steps one after the other, call each as the course does, and end.")
    var notebook = false

    func run() async throws {
        try await Serve.start(ServeOptions(port: port))
        if notebook {
            try await Notebook(model: model, threads: threads).run()
            return await Serve.shutdown()
        }
        try await Serve.run(application, name: "segmentation")
        if let portFile, let port = await Serve.port { try write("\(port)\n", to: portFile) }
        try await Serve.waitForShutdownSignal()
    }

    /// The whole application: five deployments, and every call between them checked by the compiler.
    private var application: Ingress {
        let segmenter = Segmenter.bind(model: model, threads: threads)
            .options(numReplicas: replicas, resources: Resources(cpus: 1))
        return Ingress.bind(
            textConverter: TextConverter.bind(),
            threshold: Threshold.bind(),
            segmenter: segmenter,
            sharpenThenSegment: SharpenThenSegment.bind(segmenter: segmenter)
        )
    }
}
