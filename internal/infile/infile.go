// Package infile reads what a user names as input: files and stdin. Each is read up to a limit, since a device never ends, and
// until a context ends, since a pipe can stay silent.
package infile

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/podseal/podseal/internal/outfile"
)

// Limit is the largest input in bytes. The largest manifests, the resource definitions of operators, have a few million.
const Limit = 32 << 20

// Read returns the content of a file. Its errors name the file and the reason, in one sentence.
func Read(ctx context.Context, name string) ([]byte, error) {
	return await(ctx, func() ([]byte, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, outfile.Plain(err)
		}
		defer f.Close()
		data, err := limited(f, name)
		return data, outfile.Plain(err)
	})
}

// ReadStream returns the rest of a stream. The errors call it by the name.
func ReadStream(ctx context.Context, r io.Reader, name string) ([]byte, error) {
	return await(ctx, func() ([]byte, error) { return limited(r, name) })
}

// limited reads a stream to its end. More than the limit is an error.
func limited(r io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, Limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(data) > Limit {
		return nil, tooLarge(name)
	}
	return data, nil
}

// await returns the result of read, or the context's cause where that ends first: no call ends the open of a pipe without a
// writer.
func await(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := read()
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Check returns an error for a file that has no end or more than the limit, before a library reads it whole: a device, a
// pipe, a large file. The library reports any other.
func Check(name string) error {
	st, err := os.Stat(name)
	switch {
	case err != nil || st.IsDir():
		return nil //nolint:nilerr // the library reports it
	case !st.Mode().IsRegular():
		return fmt.Errorf("%s is a device, a pipe or a socket: give a regular file", name)
	case st.Size() > Limit:
		return tooLarge(name)
	}
	return nil
}

func tooLarge(name string) error {
	return fmt.Errorf("%s has more than %d MiB, the most that podseal reads of one input: name another file, or split it", name, Limit>>20)
}
