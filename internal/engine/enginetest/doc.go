// Package enginetest provides a fake container engine for tests: its containers are short scripts over an image's tree,
// and it shows of a run what a real engine shows. A fake container knows paths, owners, modes, links and mounts; it does
// not know the content of files. All waiting uses the time package, so that tests can run it under testing/synctest.
//
// Run is the conformance suite that the fake and every other implementation of package engine pass. Generate makes random
// applications for property tests; Try and Minimal say by brute force what such an application needs.
//
// A case is a txtar archive. Its section "image" is the image's tree as image.ParseMemTree reads it, sections whose names
// are absolute paths are the content of files, "config" is the image's configuration, and "app" is the script of the
// application.
//
// # Configuration
//
// Each line of the section "config" is a word and its argument. The package uses these, and hands on all others as
// Case.Options:
//
//	user USER           USER of the image
//	workdir PATH        WORKDIR
//	env NAME=VALUE      ENV, repeatable
//	volume PATH         VOLUME, repeatable
//	expose PORT         EXPOSE of a TCP port, repeatable
//	entrypoint WORDS    ENTRYPOINT
//	filecap PATH        the file has the capability NET_BIND_SERVICE, repeatable
//
// # Script
//
// Each line of the section "app" is one operation of the application. Blank lines and lines that start with # are
// skipped:
//
//	PHASE [after DURATION] [CONDITION...] [as UID:GID] VERB ARGUMENTS [MODE...] [: TEXT]
//
// PHASE is one of:
//
//	start   when the container starts; "after 20s" delays the operation by that much
//	e2e     at each run of an e2e command
//	probe   at each try of a probe
//	stop    when the container is stopped
//
// "e2e|stop" is one of the two, chosen at random for each run: an operation that races with the border of the phases.
//
// All conditions must hold at the time of the operation:
//
//	if-root, if-user   the uid is 0, or is not
//	if-traced, if-untraced
//	                   the run has a tracer, or has none
//	if PATH            the path exists
//	unless PATH        the path does not exist
//	writable PATH      the user can change the file, create it, or create files in the directory
//	unwritable PATH    the user cannot
//	in-run N           this is the engine's Nth start of a container
//	in-same-run N      this is the engine's Nth start of a container with this profile, traced or not as this one, whatever
//	                   runs in parallel
//	chance P           with the probability P, 0 to 1
//
// Random numbers depend on Engine.Seed, the profile, whether the run is traced, and how many such runs there were. The
// order of parallel runs of different profiles does not matter.
//
// "as UID:GID" executes the operation as another user, in a process that ends with it. It is refused with EPERM unless the
// application is that user, or is root and has SETUID and SETGID.
//
// Paths that do not start with / are relative to the working directory. $HOME and $TMPDIR at the start of a path are
// replaced, and $HOSTNAME, which differs in each container, anywhere in it. VERB is one of:
//
//	write PATH           creates the file, or changes its content
//	temp PATH            creates a file and removes it again
//	once PATH            fails if the path exists, else creates the file: an e2e command that cannot run twice over the
//	                     same data
//	mkdir PATH           creates a directory and its missing parents
//	remove PATH          removes a file, or a directory with all that it holds
//	rename FROM TO       renames
//	link FROM TO         creates a link at TO
//	symlink FROM TO      creates a symbolic link at TO
//	chmod PATH           changes the mode
//	chown PATH UID:GID   changes the owner
//	read PATH            reads a file
//	owned PATH           requires that the user owns the path
//	trusted PATH         requires that the user or root owns the path
//	private PATH         requires a mode that permits nothing to group and others
//	stat PATH            logs the mode and the owner
//	id                   logs the user and the groups
//	setuid NAME          runs a setuid program, which needs escalation and no tracer; a tracer notes it
//	lose-tracer          ends the tracer of the run, if it has one
//	sticky PATH          requires that a world-writable directory is sticky, and not read-only
//	listen PORT          listens on a TCP port
//	connect ADDRESS:PORT sends a UDP datagram through a socket that stays open
//	worker UID:GID NAME  starts a process as another user, where the application is root
//	drop UID:GID         changes the user, where the application is root
//	account uid          requires that the uid has an account
//	exec PATH            executes a program, which may have a file capability
//	need WHAT            requires root, escalation, first-start (of this container), luck-N (any start of a container but
//	                     the Nth) or a capability
//	log                  logs the TEXT
//	fail                 fails the e2e command (or the probe)
//	exit CODE            ends the application
//	hang                 makes the application ignore the stop signal
//	kill                 kills the application with SIGKILL, from outside
//	oom                  kills the application because it is out of memory
//	break-engine         makes Start, or all later calls for the container but Remove, fail with ErrBroken
//
// An operation that is refused ends the application with status 1 and a line in the logs. MODE changes that:
//
//	tolerated   the application goes on
//	fails       only the e2e command (or the probe) fails
//	silent      nothing is logged
//	terse       the logged line does not name the path
//
// TEXT replaces the line of a refusal in the logs; %s in it is the path. For example, a service that is ready at once where
// it can write its cache, and after 8 seconds elsewhere, with an e2e command that fails one time in five:
//
//	start writable /cache listen 8080
//	start after 8s listen 8080
//	e2e chance 0.2 fail : connection reset by peer
package enginetest
