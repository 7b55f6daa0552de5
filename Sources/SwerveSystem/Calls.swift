#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

// System calls under other names, for types whose own methods have the names of the calls.

func systemRead(_ descriptor: Int32, _ bytes: inout [UInt8]) -> Int { read(descriptor, &bytes, bytes.count) }

func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}

func systemOpen(_ path: String, _ flags: Int32, _ mode: UInt32) -> Int32 { open(path, flags, mode_t(mode)) }

func systemClose(_ descriptor: Int32) { _ = close(descriptor) }

func systemRename(_ old: String, _ new: String) -> Int32 { rename(old, new) }

func systemExit(_ status: Int32) -> Never { exit(status) }

func systemSignal(_ process: Int32, _ signal: Int32) { _ = kill(process, signal) }

func systemIgnore(_ number: Int32) { _ = signal(number, SIG_IGN) }

func systemListen(_ socket: Int32, _ backlog: Int32) -> Int32 { listen(socket, backlog) }

func systemConnect(_ socket: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t) -> Int32 {
    connect(socket, address, size)
}

func systemSend(_ socket: Int32, _ bytes: UnsafeRawBufferPointer, _ flags: Int32) -> Int {
    send(socket, bytes.baseAddress, bytes.count, flags)
}

func systemSleep(_ seconds: UInt32) { _ = sleep(seconds) }
