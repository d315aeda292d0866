// Package enginetest provides a fake container engine for tests: its containers are short scripts over an image's tree,
// and it shows of a run what a real engine shows. A fake container knows paths, owners, modes, links and mounts; it does
// not know the content of files. All waiting uses the time package, so that tests can run it under testing/synctest.
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
//	PHASE [after DURATION] [if-root|if-user|unless PATH|if PATH] VERB ARGUMENTS [MODE...]
//
// PHASE is one of:
//
//	start   when the container starts; "after 20s" delays the operation by that much
//	e2e     at each run of an e2e command
//	probe   at each try of a probe
//	stop    when the container is stopped
//
// The condition if-root holds for uid 0 and if-user for all others; "if PATH" holds where the path exists and
// "unless PATH" where it does not.
//
// Paths that do not start with / are relative to the working directory. $HOME and $TMPDIR at the start of a path are
// replaced. VERB is one of:
//
//	write PATH           creates the file, or changes its content
//	temp PATH            creates a file and removes it again
//	mkdir PATH           creates a directory and its missing parents
//	remove PATH          removes a file, or a directory with all that it holds
//	rename FROM TO       renames
//	link FROM TO         creates a link at TO
//	symlink FROM TO      creates a symbolic link at TO
//	chmod PATH           changes the mode
//	chown PATH UID:GID   changes the owner
//	read PATH            reads a file
//	owned PATH           requires that the user owns the path
//	sticky PATH          requires that a world-writable directory is sticky, and not read-only
//	listen PORT          listens on a TCP port
//	worker UID:GID NAME  starts a process as another user, where the application is root
//	drop UID:GID         changes the user, where the application is root
//	account uid          requires that the uid has an account
//	exec PATH            executes a program, which may have a file capability
//	need WHAT            requires root, escalation, first-start (of this container), luck-N (any run but the one with the
//	                     number N) or a capability
//
// An operation that is refused ends the application with status 1 and a line in the logs. MODE changes that:
//
//	tolerated   the application goes on
//	fails       only the e2e command (or the probe) fails
//	silent      nothing is logged
//	terse       the logged line does not name the path
package enginetest
