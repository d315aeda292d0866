package main

import (
	"os"

	"github.com/podseal/podseal/internal/outfile"
)

// checkWritable refuses early a file that cannot be written later. An empty name is fine.
func checkWritable(name string) error {
	if st, err := os.Stat(name); name == "" || err == nil && !st.IsDir() && !st.Mode().IsRegular() {
		return nil // a check that opens and closes a pipe would send its reader away
	}
	place, err := outfile.Prepare(name)
	if err != nil {
		return asBadInput(err)
	}
	place.Close()
	return nil
}

// writeFile writes a file whole or not at all; see package outfile.
func writeFile(name string, data []byte) error {
	place, err := outfile.Prepare(name)
	if err != nil {
		return err
	}
	defer place.Close()
	return place.Write(data)
}
