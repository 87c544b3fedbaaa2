package server

import (
	"io"
	"log/slog"

	"presenced/internal/config"
)

func newLog(w io.Writer, format config.LogFormat, level *slog.LevelVar) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	switch {
	case w == nil:
		return slog.New(slog.DiscardHandler)
	case format == config.LogJSON:
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
