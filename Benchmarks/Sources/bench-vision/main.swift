import Swerve
import SwerveModels

// The Swift side of the SegFormer benchmarks; vision_python.py is the other side.
//
//   bench-vision load MODEL                       loads the model once and prints how long it took
//   bench-vision stages MODEL PICTURE SECONDS     prints how many times per second each stage ran, on one thread
//   bench-vision engines MODEL SECONDS            prints how many times per second each engine ran the model, on two threads
//   bench-vision serve MODEL REPLICAS PICTURE process|inProcess cpu|openvino
//                                                 starts replicas, warms each up, prints "ready" and keeps serving
//   bench-vision batches MODEL PORT THREADS SIZE  serves one replica over HTTP whose runs take so many pictures

let arguments = CommandLine.arguments
switch (arguments.dropFirst().first, arguments.count) {
case ("load", 3): try await VisionBenchmark(model: arguments[2]).load()
case ("stages", 5):
    try await VisionBenchmark(model: arguments[2]).stages(
        picture: arguments[3],
        duration: .seconds(Double(arguments[4]) ?? 1)
    )
case ("engines", 4):
    try await VisionBenchmark(model: arguments[2]).engines(duration: .seconds(Double(arguments[3]) ?? 1))
case ("serve", 7):
    try await VisionBenchmark(model: arguments[2]).serve(
        replicas: Int(arguments[3]) ?? 1,
        picture: arguments[4],
        placement: arguments[5] == "inProcess" ? .inProcess : .process,
        provider: arguments[6] == "openvino" ? .openVINO(precision: .bf16) : .cpu
    )
case ("batches", 6):
    try await VisionBenchmark(model: arguments[2]).serveBatches(
        port: Int(arguments[3]) ?? 0,
        threads: Int(arguments[4]) ?? 0,
        size: Int(arguments[5]) ?? 1
    )
default:
    fatalError(
        "bench-vision load MODEL | stages MODEL PICTURE SECONDS | engines MODEL SECONDS "
            + "| serve MODEL REPLICAS PICTURE PLACEMENT PROVIDER | batches MODEL PORT THREADS SIZE"
    )
}
