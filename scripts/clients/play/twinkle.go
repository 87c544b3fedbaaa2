package main

import (
	"context"
	"errors"
)

func startTwinkle(context.Context, *phone, string) (control, error) { return nil, errors.New("later") }
