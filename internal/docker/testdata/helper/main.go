// Command helper stands for podseal in the helper image: the sensor and the observer, and nothing else.
package main

func main() {}
