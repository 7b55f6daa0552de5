import SwerveHub
import Testing

@Suite("Progress")
struct ProgressTests {
    private func bar(columns: Int, total: Int? = 200_000_000) -> HubProgress {
        HubProgress(title: "owner/name", files: 3, total: total, style: .bar(columns: columns), now: .seconds(5))
    }

    @Test("The bar shows files, percentage, bytes, rate and remaining time")
    func fullBar() {
        var progress = bar(columns: 110)
        #expect(progress.began() == .bar("owner/name  [..............................]  0/3 files  0 %  0 B of 200 MB"))
        _ = progress.finishedFile(now: .seconds(5))
        #expect(
            progress.received(50_000_000, now: .seconds(7))
                == .bar(
                    "owner/name  [#######.......................]  1/3 files  25 %  50.0 MB of 200 MB  25.0 MB/s  0:06"
                )
        )
        _ = progress.received(150_000_000, now: .seconds(7))
        _ = progress.finishedFile(now: .seconds(7))
        _ = progress.finishedFile(now: .seconds(7))
        #expect(
            progress.ended(now: .seconds(13))
                == .lastBar(
                    "owner/name  [##############################]  3/3 files  100 %  200 MB of 200 MB  25.0 MB/s"
                )
        )
    }

    @Test("Bytes of an earlier download count for the percentage, not for the rate")
    func resumed() {
        var progress = bar(columns: 60)
        _ = progress.counted(150_000_000, now: .seconds(5))
        #expect(
            progress.received(10_000_000, now: .seconds(6))
                == .bar("0/3 files  80 %  160 MB of 200 MB  10.0 MB/s  0:04")
        )
        #expect(
            progress.counted(-160_000_000, now: .seconds(7))
                == .bar("owner/name  0/3 files  0 %  0 B of 200 MB  5.0 MB/s  0:40")
        )
    }

    @Test("A line never has more columns than the terminal", arguments: 20...120)
    func columns(columns: Int) {
        for total in [200_000_000, nil] {
            var progress = bar(columns: columns, total: total)
            guard case .bar(let text) = progress.received(1_234_567, now: .seconds(99)) else {
                Issue.record("no bar")
                return
            }
            #expect(text.count <= columns)
            #expect(text.contains("0/3 files"))
        }
    }

    @Test("The bar is drawn ten times a second, the log is written every ten seconds")
    func pauses() {
        var progress = bar(columns: 80)
        #expect(progress.received(1, now: .milliseconds(5099)) == nil)
        #expect(progress.received(1, now: .milliseconds(5100)) != nil)
        #expect(progress.received(1, now: .milliseconds(5150)) == nil)

        var log = HubProgress(title: "owner/name", files: 1, total: 100, style: .log, now: .zero)
        #expect(log.began() == .line("downloading", ["repository": "owner/name", "files": "0/1", "bytes": "0/100"]))
        #expect(log.received(40, now: .seconds(9)) == nil)
        #expect(
            log.received(40, now: .seconds(10))
                == .line("still downloading", ["repository": "owner/name", "files": "0/1", "bytes": "80/100"])
        )
        #expect(log.received(20, now: .seconds(11)) == nil)
        #expect(log.finishedFile(now: .seconds(12)) == nil)
        #expect(
            log.ended(now: .seconds(12))
                == .line(
                    "downloaded",
                    ["repository": "owner/name", "files": "1/1", "bytes": "100/100", "time": "12.0 seconds"]
                )
        )
    }

    @Test("A failed download is not reported as downloaded")
    func failed() {
        var log = HubProgress(title: "owner/name", files: 2, total: nil, style: .log, now: .zero)
        _ = log.finishedFile(now: .seconds(1))
        #expect(log.ended(now: .seconds(1)) == nil)
    }

    @Test("A load logs its beginning and end without a terminal")
    func logged() async throws {
        try await World.run(model) { world async throws in
            _ = try await world.load { $0.progress = .log }
            // On a busy machine the load may take long enough for lines in between.
            let lines = world.log.all.filter { !$0.hasPrefix("info: still downloading") }
            #expect(lines.count == 2)
            #expect(lines.first == "info: downloading bytes=0/3000011 files=0/3 repository=owner/name")
            #expect(lines.last?.hasPrefix("info: downloaded bytes=3000011/3000011 files=3/3") == true)
        }
    }
}
