// Package trace sees every write of a running container, those that were denied included: with no privilege for the
// application and nothing installed on the host.
//
// # Who does what
//
// The sensor (SensorMain, "podseal sensor ...") is the target's entrypoint for a moment. It connects to the observer's
// socket, sets no_new_privs, installs a seccomp user-notification filter for the calls that write, hands the
// notification descriptor to the observer, waits for its answer, and execs the real entrypoint, which stays PID 1 and
// finds argv, environment, user, working folder, stdin, limits and signals as they were.
//
// The observer (ObserverMain, "podseal observer ...") is a second container in the target's PID namespace. It receives
// the descriptor, works out for each call the path that a mount would need and whether the kernel will allow it,
// writes that to its stdout, and lets the call continue. It never changes what a call does.
//
// The host (Attach) speaks with the observer through its attached stdin and stdout.
//
// # Putting it together
//
//  1. The volume. A plain local volume with one file in it: Binary(arch) as "podseal", mode 0755, in the volume's root
//     (root:root 0755, as the engine makes it). The file goes in through the archive API of a created container. The
//     file depends on the podseal binary alone, so one volume per digest of the binary serves all runs; then each run
//     needs its own Socket name in SensorOptions and ObserverOptions.
//  2. The target. Mount the volume at Mountpoint, read-only. Entrypoint = SensorArgs(argv, options), Cmd empty, where
//     argv is the entrypoint and arguments that would have run. Nothing else of the target changes: any user, any
//     capabilities, no-new-privileges, a read-only root, no shell, no /tmp. Leave out Mountpoint and what lies below
//     it from docker diff.
//  3. Start the target. The sensor waits for the observer, at most SensorOptions.Wait; then it execs untraced.
//  4. The observer. Any image, an empty one will do: Entrypoint = ObserverArgs(options), Cmd empty, User "0:0", PidMode
//     "container:<target>", NetworkMode "none", CapDrop ALL, CapAdd SYS_PTRACE, ReadonlyRootfs, the volume mounted at
//     Mountpoint read-write, no TTY, OpenStdin and AttachStdin/AttachStdout/AttachStderr, LogConfig "none", no restart
//     policy. Attach before the start, so that nothing is missed, then start it. On engines with SELinux both
//     containers need label=disable (the socket crosses containers); without it the target starts untraced after
//     Wait. SYS_PTRACE alone cannot look into folders that are closed to root without DAC_OVERRIDE (mode 0700 of
//     another user): there paths are taken as written, and outcomes from the mount and from the folder above.
//     CapAdd DAC_READ_SEARCH, where wanted, makes them exact; nothing here depends on it.
//  5. Attach(stream), where Read gives the observer's stdout alone (demultiplexed) and Write goes to its stdin. The
//     session reads all the time, so that the observer never waits for the host.
//  6. Session.Started waits until the application runs, traced or not; then Session.Status tells which.
//  7. Session.Phase as the run proceeds. Commands that are exec'd into the container are traced if they are run as
//     SensorArgs(argv, options) with Exec, which marks their writes; without it they are not, because the filter is
//     inherited by children only.
//  8. The end. The kernel kills the observer together with the target's PID 1; all that was written before is still in
//     the stream. Session.Done is closed at the stream's end. Never stop the observer before the target: a filter
//     without an observer fails the calls with ENOSYS. Closing the session does not stop the observer.
//  9. Restart. When PID 1 is started again, the sensor runs again and waits again: start the observer container again
//     too and Attach a new session. The sockets of dead observers are replaced.
//
// Without a sensor (tracing off) steps 2 and 3 fall away, and the observer, started with ObserverOptions.Off, answers
// Session.Listening and Session.Usage only.
//
// # What it does not see
//
//   - writes through a descriptor that is already open (write, ftruncate, mmap): the open was seen;
//   - files opened by io_uring, which passes no seccomp filter, where an engine allows it;
//   - processes that something outside the container starts in it without the sensor;
//   - denials by security modules: outcomes come from mounts, modes, owners, groups and capabilities; access control
//     lists are taken as their mask;
//   - setuid programs get no privileges under no_new_privs: an entrypoint that needs them is started untraced, one that
//     is executed later is named in the note;
//   - a program that installs a notification filter of its own gets EBUSY.
package trace
