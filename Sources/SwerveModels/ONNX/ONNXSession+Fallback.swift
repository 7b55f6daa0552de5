internal import Logging
internal import SwerveONNX

extension ONNXSession {
    /// Warns when the model runs more slowly than was asked for: in ONNX Runtime on the CPU instead of OpenVINO.
    ///
    /// That there is no GPU is no reason: the default options ask for one in case there is.
    func warnOfFallback(of model: String, to logger: Logger = Logger(label: "swerve.models")) {
        guard let failure = openVINOFailure else { return }
        logger.warning(
            "OpenVINO does not run the model, so it is slower: ONNX Runtime runs it on the CPU",
            metadata: ["model": "\(model)", "provider": "\(failure.provider)", "reason": "\(failure.reason)"]
        )
    }
}
