//go:build race

package pidf

// raced: the race detector makes everything ten times slower.
const raced = true
