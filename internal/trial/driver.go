package trial

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/target"
)

// Driver exercises a running application.
type Driver interface {
	// Drive exercises the application once. The results are in order; the failure is the application's, its zero value
	// means that it works. An error is one of the engine, of the machine, or of ctx.
	Drive(ctx context.Context, a Application) ([]observe.CommandResult, observe.Failure, error)
}

// Application is a running target, as a driver sees it.
type Application struct {
	Target    target.Target
	Container engine.Container
	Phase     observe.Phase
	Limit     time.Duration // of one command
	// Exited returns the failure of a container that does not run any more; when says at which moment.
	Exited func(ctx context.Context, when string) (observe.Failure, error)
}

// Commands is the driver that runs the target's e2e commands in order until one fails.
type Commands struct{}

// Drive implements Driver.
func (Commands) Drive(ctx context.Context, a Application) (results []observe.CommandResult, _ observe.Failure, _ error) {
	for _, cmd := range a.Target.Commands {
		within, cancel := context.WithTimeout(ctx, a.Limit)
		res, err := execute(within, a.Target, a.Container, cmd, a.Phase)
		late := within.Err() != nil && ctx.Err() == nil
		cancel()
		if err != nil && !late {
			failure, err := a.endedBefore(ctx, cmd, err)
			return results, failure, err
		}
		results = append(results, res)
		switch {
		case ctx.Err() != nil:
			return results, observe.Failure{}, context.Cause(ctx)
		case late:
			text := fmt.Sprintf("%s did not end within %s", quoted(cmd), a.Limit.Round(time.Second))
			return results, observe.Failure{Kind: observe.CommandTimeout, Phase: a.Phase, Suite: cmd.Suite, Text: text}, nil
		case res.Code != 0:
			return results, a.commandFailure(ctx, cmd, res), nil
		}
	}
	failure, err := a.Exited(ctx, "while the e2e commands ran")
	return results, failure, err
}

// commandFailure returns the failure of a command; that of the container where it has exited.
func (a Application) commandFailure(ctx context.Context, cmd target.Command, res observe.CommandResult) observe.Failure {
	if gone, err := a.Exited(ctx, "while the e2e commands ran"); err == nil && gone.Kind != "" {
		return gone
	}
	text := fmt.Sprintf("%s exited %d", quoted(cmd), res.Code)
	if last := lastLine(res.Output); last != "" {
		text += ": " + last
	}
	return observe.Failure{Kind: observe.CommandFailed, Phase: a.Phase, Suite: cmd.Suite, Text: text}
}

// quoted returns a command as messages name it, with its suite.
func quoted(cmd target.Command) string {
	text := "`" + cmd.String() + "`"
	if cmd.Suite != "" {
		text += " of suite " + cmd.Suite
	}
	return text
}

// endedBefore returns the failure of a container that exited before a command could run in it. Any other error is the
// engine's.
func (a Application) endedBefore(ctx context.Context, cmd target.Command, err error) (observe.Failure, error) {
	if !cmd.Inside {
		return observe.Failure{}, err
	}
	gone, exitedErr := a.Exited(ctx, fmt.Sprintf("before `%s` could run", cmd))
	if exitedErr != nil || gone.Kind == "" {
		return observe.Failure{}, err
	}
	return gone, nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// CheckCommands returns an error for a host command that cannot be executed, before anything runs.
func CheckCommands(commands []target.Command) error {
	i := slices.IndexFunc(commands, func(c target.Command) bool {
		if c.Inside || len(c.Argv) == 0 {
			return false
		}
		_, err := exec.LookPath(c.Argv[0])
		return err != nil
	})
	if i < 0 {
		return nil
	}
	program := commands[i].Argv[0]
	st, err := os.Stat(program)
	switch named := err == nil && strings.Contains(program, "/"); {
	case named && st.IsDir():
		return fmt.Errorf("the e2e command %s is a directory on this host: %s", program, givePath)
	case named:
		return fmt.Errorf("the e2e command %s is not executable on this host: chmod +x %[1]s, or give it to its interpreter (bash %[1]s)", program)
	case err == nil && !st.IsDir():
		return fmt.Errorf("the e2e command %s does not exist on the PATH of this host: for the file in this folder, write ./%[1]s", program)
	}
	return fmt.Errorf("the e2e command %s does not exist on this host: %s", program, givePath)
}

// givePath is the next step for an e2e command that does not exist.
const givePath = "give a program on the PATH, or a path to one"
