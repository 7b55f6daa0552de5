import Foundation
import SwerveHub
import Testing

@Suite("Choice of files")
struct HubFilesTests {
    @Test(
        "Patterns have the meaning of Python's fnmatch",
        arguments: [
            ("*.json", "config.json", true), ("*.json", "a/b/config.json", true), ("*.json", "config.json5", false),
            ("onnx/model.onnx*", "onnx/model.onnx_data", true), ("onnx/", "onnx/a/b", true), ("onnx/", "onnx", false),
            ("?.txt", "a.txt", true), ("?.txt", "ab.txt", false), ("?.txt", "é.txt", true), ("[ab]*", "bcd", true),
            ("[!ab]*", "bcd", false), ("[!ab]*", "xcd", true), ("[a-c]", "b", true), ("[a-c]", "d", false),
            ("[]]", "]", true), ("[!]]", "]", false), ("[", "[", true), ("a[", "a[", true), ("[a", "[a", true),
            ("[a-]", "-", true), ("[c-a]", "b", false), ("*", "", true), ("", "", true), ("", "a", false),
            ("a*b*c", "aXbYbZc", true), ("a*b*c", "aXbYbZ", false), ("*a*", "bab", true), ("A", "a", false),
            ("**/x", "a/b/x", true), ("a.b", "aXb", false), ("[!]", "[!]", true),
        ]
    )
    func patterns(pattern: String, path: String, isMatch: Bool) {
        #expect(HubFiles.matching([pattern]).contains(path) == isMatch)
    }

    @Test("Excluded files are left out of the chosen ones")
    func exclusion() {
        let files = HubFiles.matching(["*.bin", "*.json"], excluding: ["pytorch*", "training/"])
        #expect(files.contains("model.bin") && files.contains("config.json"))
        #expect(
            !files.contains("pytorch_model.bin") && !files.contains("training/state.bin") && !files.contains("a.txt")
        )
        #expect(HubFiles.all.contains("anything"))
        let literal: HubFiles = ["a", "b"]
        #expect(literal == .matching(["a", "b"]))
    }

    @Test("A hard pattern does not take exponential time", .timeLimit(.minutes(1)))
    func hardPattern() {
        let pattern = String(repeating: "*a", count: 200) + "b"
        #expect(!HubFiles.matching([pattern]).contains(String(repeating: "a", count: 2000)))
    }
}

@Suite("Options from the environment")
struct OptionsTests {
    private func options(_ environment: [String: String]) -> ModelHubOptions {
        ModelHubOptions { environment[$0] }
    }

    @Test("The defaults are the public hub and the cache in the home folder")
    func defaults() {
        let options = options(["HOME": "/home/me", "HF_TOKEN_PATH": "/nowhere"])
        #expect(options.endpoint == "https://huggingface.co")
        #expect(options.cacheFolder == "/home/me/.cache/huggingface/hub")
        #expect(options.token == nil)
        #expect(!options.isOffline)
    }

    @Test("The most specific variable decides where the cache is")
    func cacheFolder() {
        var environment = ["HOME": "/home/me", "XDG_CACHE_HOME": "/xdg"]
        #expect(options(environment).cacheFolder == "/xdg/huggingface/hub")
        environment["HF_HOME"] = "~/hf"
        #expect(options(environment).cacheFolder == "/home/me/hf/hub")
        environment["HUGGINGFACE_HUB_CACHE"] = "/old"
        #expect(options(environment).cacheFolder == "/old")
        environment["HF_HUB_CACHE"] = "$XDG_CACHE_HOME/${HOME}x/$UNSET/${/$"
        #expect(options(environment).cacheFolder == "/xdg//home/mex/$UNSET/${/$")
        environment["HF_HUB_CACHE"] = ""
        #expect(options(environment).cacheFolder == "/old")
        #expect(
            options(["HF_HUB_CACHE": "relative"]).cacheFolder == FileManager.default.currentDirectoryPath + "/relative"
        )
    }

    @Test("The token comes from the variable or else from its file, without whitespace")
    func token() async throws {
        try await withFolder { folder async throws in
            try Data(" hf_home\n".utf8).write(to: URL(filePath: folder + "/token"))
            try Data("hf_path\n".utf8).write(to: URL(filePath: folder + "/other"))
            var environment = ["HF_HOME": folder]
            #expect(options(environment).token == "hf_home")
            environment["HF_TOKEN_PATH"] = folder + "/other"
            #expect(options(environment).token == "hf_path")
            environment["HUGGING_FACE_HUB_TOKEN"] = "hf_old"
            #expect(options(environment).token == "hf_old")
            environment["HF_TOKEN"] = " hf_new\r\n"
            #expect(options(environment).token == "hf_new")
            environment["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"
            #expect(options(environment).token == nil)
        }
    }

    @Test("Only affirmative values switch to offline", arguments: ["1", "true", "YES", "On"], ["0", "no", "", "2"])
    func offline(yes: String, no: String) {
        #expect(options(["HF_HUB_OFFLINE": yes]).isOffline)
        #expect(!options(["HF_HUB_OFFLINE": no]).isOffline)
    }

    @Test("Times in seconds are used, other texts are ignored")
    func times() {
        let limits = options(["HF_HUB_ETAG_TIMEOUT": "3", "HF_HUB_DOWNLOAD_TIMEOUT": "40"]).limits
        #expect(limits.answerTimeout == .seconds(3))
        #expect(limits.idleTimeout == .seconds(40))
        #expect(options(["HF_HUB_ETAG_TIMEOUT": "-3", "HF_HUB_DOWNLOAD_TIMEOUT": "soon"]).limits == HubLimits())
    }
}

@Suite("Tries and pauses")
struct RetryPolicyTests {
    private var limits: HubLimits {
        var limits = HubLimits()
        limits.pause = .seconds(1)
        limits.maximumPause = .seconds(6)
        limits.attempts = 6
        return limits
    }

    @Test("Pauses double up to their limit, then the request is given up")
    func doubling() {
        var policy = RetryPolicy(limits)
        let pauses = (0..<6).map { _ in policy.pause(retryAfter: nil, chance: 1) }
        #expect(pauses == [.seconds(1), .seconds(2), .seconds(4), .seconds(6), .seconds(6), nil])
    }

    @Test("Chance removes up to half of a pause, but not of a pause that the server asked for")
    func chance() {
        var policy = RetryPolicy(limits)
        #expect(policy.pause(retryAfter: nil, chance: 0) == .milliseconds(500))
        #expect(policy.pause(retryAfter: .seconds(5), chance: 0) == .seconds(5))
        #expect(policy.pause(retryAfter: .seconds(500), chance: 0) == .seconds(6))
    }

    @Test("Progress resets the count, a trickle does not")
    func progress() {
        var limits = limits
        limits.attempts = 2
        var policy = RetryPolicy(limits)
        for _ in 0..<20 { #expect(policy.pause(retryAfter: nil, progress: 1 << 20, chance: 1) == .seconds(1)) }
        #expect(policy.pause(retryAfter: nil, progress: 1 << 19, chance: 1) == nil)
    }
}
