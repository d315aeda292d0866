// Package trace records every write of a running container, denied ones included, and the addresses that it connects to,
// with no privilege for the application and nothing installed on the host.
//
// # Sensor, observer and host
//
// The sensor (package sensor, "podseal sensor ...") is the target's entrypoint for a moment. It connects to the observer's
// socket, sets no_new_privs, installs a seccomp user-notification filter for the calls that write or name a peer, hands the
// notification descriptor to the observer, waits for its answer, and execs the real entrypoint. That is still PID 1, with
// its argv, environment, user, working folder, stdin, limits and signals unchanged.
//
// The observer (package observer, "podseal observer ...") is a process in a second container, in the PID namespace of the
// engine's host. It receives the descriptor, works out for each call the path that a mount would need and whether the
// kernel will allow it, writes that to its stdout, and lets the call continue. It never changes the effect of a call, and
// the target cannot see it.
//
// The host (Attach) exchanges messages with the observer through its attached stdin and stdout. Package wire holds the
// messages, package syscalls the traced calls and the filter.
//
// # Use
//
//  1. The volume. A plain local volume with one file in it: Binary(arch) as "podseal", mode 0755, in the volume's root
//     (root:root 0755, as the engine makes it). One volume serves all targets of a run, each with a separate Socket name
//     in SensorOptions and ObserverOptions.
//  2. The observer's container. Any image, an empty one will do: User "0:0", PidMode "host", NetworkMode "none",
//     CapDrop ALL, CapAdd SYS_PTRACE, ReadonlyRootfs, the volume mounted at Mountpoint read-write, no TTY, LogConfig
//     "none", no restart policy. It may run before any target does, and serve several: an observer for each start of a
//     target is executed in it (ObserverArgs(options), stdin, stdout and stderr attached, no TTY), or started by its
//     first process, which is quicker (package streams). On engines with
//     SELinux both containers need label=disable (the socket crosses containers); without it the target starts
//     untraced after Wait. SYS_PTRACE alone cannot search folders that are closed to root without DAC_OVERRIDE (mode
//     0700 of another user): there paths are taken as written, and outcomes from the mount and from the parent
//     directory. CapAdd DAC_READ_SEARCH makes them exact; nothing here depends on it.
//  3. Attach(stream), where Read returns the observer's stdout alone (demultiplexed) and Write goes to its stdin. The
//     session reads all the time, so that the observer never waits for the host.
//  4. The target. Mount the volume at Mountpoint, read-only. Entrypoint = SensorArgs(argv, options), Cmd empty, where
//     argv is the entrypoint and arguments that would have run. Nothing else of the target changes: any user, any
//     capabilities, no-new-privileges, a read-only root, no shell, no /tmp. Leave Mountpoint and the entries below it out
//     of docker diff.
//  5. Start the target, and name its first process to the observer: Session.Target with the number that the engine
//     reports. The observer accepts one connection, from that process alone. Any other process that connects, of this
//     target or of another, gets no answer. The sensor waits for the observer, at most SensorOptions.Wait; then it execs
//     untraced.
//  6. Session.Started waits until the application runs, traced or not; Session.Status reports which.
//  7. Session.Phase as the run proceeds. Commands that are executed in the container are traced if they are run as
//     SensorArgs(argv, options) and Session.Admit names their process, which the engine reports; their writes are marked.
//     Otherwise they are not traced, because only children inherit the filter.
//  8. The end. The observer ends when the target's first process has ended: by then all others in the container are dead,
//     and everything they did is in the stream. Session.Done is closed at the stream's end. Never stop the observer
//     before the target: a filter without an observer fails the calls with ENOSYS, and Session.Status reports the loss.
//     Closing the session does not stop an observer that has a target.
//  9. Restart. When PID 1 is started again, the sensor runs again and waits again: an observer for each start, under the
//     same Socket name. The sockets of dead observers are replaced.
//
// Without a sensor (tracing off) step 4 is left out. The observer, executed with ObserverOptions.Off, then answers
// Session.Processes, Session.Listening, Session.OpenConnections and Session.Usage only, once Session.Target has named the target.
//
// # Hostile targets
//
// The sensor runs before any code of the target does, and is closed to ptrace while it runs. The observer opens paths below
// the target's root only (openat2 with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS): links of the target, exchanged at any
// moment, lead to no file outside it. Memory is bounded by the constants of package wire, in the observer and in a Session,
// and the writes and notes beyond are counted.
//
// # Limits
//
// The tracer does not see:
//
//   - writes through a descriptor that is already open (write, ftruncate, mmap): the open was seen;
//   - changes by ioctl, as chattr makes them;
//   - files opened by io_uring, which passes no seccomp filter, where an engine allows it;
//   - the address of a datagram in sendmsg or sendmmsg: it stands in memory, so that the filter would have to notify every
//     message of every connected socket. BenchmarkOpens has the prices: a message takes 2.5 microseconds, a notification
//     adds more than 20;
//   - whether a connection that was closed at once had been established: outcomes come from the tables of sockets, which
//     the observer reads five times a second while one is open;
//   - processes that something outside the container starts in it without the sensor;
//   - denials by security modules: outcomes come from mounts, modes, owners, groups and capabilities; access control
//     lists are taken as their mask.
//
// Setuid programs get no privileges under no_new_privs: an entrypoint that needs them is started untraced, and one that is
// executed later is named in the note. A program that installs another notification filter gets EBUSY.
package trace
