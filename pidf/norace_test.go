//go:build !race

package pidf

const raced = false
