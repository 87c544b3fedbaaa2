//go:build race

package main

// raceFlag has the binary built as its test is.
var raceFlag = []string{"-race"}
