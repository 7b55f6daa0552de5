// Measures how long the controller's state machine plans for each kind of change, beside the same change in an
// instance of a hundredth of the size. Nothing runs: replicas are reports. Prints one JSON object per measurement and
// repetition.
//
//   bench-control [REPETITIONS [DEPLOYMENTS ...]]   a whole instance has 1,000 deployments by default

let arguments = CommandLine.arguments
let repetitions = arguments.count > 1 ? Int(arguments[1]) ?? 3 : 3
let sizes = arguments.dropFirst(2).compactMap(Int.init)
for size in sizes.isEmpty ? [1000] : sizes {
    for _ in 0..<repetitions {
        var (large, small) = (Cluster(deployments: size), Cluster(deployments: max(10, size / 100)))
        for change in Change.allCases {
            let (value, baseline) = (large.measure(change), small.measure(change))
            print(
                #"{"name": "control_\#(size).\#(change)", "unit": "us", "value": \#(value.median), "#
                    + #""most": \#(value.most), "baseline": \#(baseline.median)}"#
            )
        }
        print(
            #"{"name": "control_\#(size).restart", "unit": "us", "value": \#(large.restart()), "#
                + #""most": null, "baseline": \#(small.restart())}"#
        )
    }
}
