package outfile

import "os"

// Check refuses a file that cannot be written later. An empty name is fine.
func Check(name string) error {
	if st, err := os.Stat(name); name == "" || err == nil && !st.IsDir() && !st.Mode().IsRegular() {
		return nil // a check that opens and closes a pipe would send its reader away
	}
	place, err := Prepare(name)
	if err != nil {
		return err
	}
	place.Close()
	return nil
}

// Write writes a file whole or not at all.
func Write(name string, data []byte) error {
	place, err := Prepare(name)
	if err != nil {
		return err
	}
	defer place.Close()
	return place.Write(data)
}
