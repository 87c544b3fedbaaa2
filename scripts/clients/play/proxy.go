package main

import "context"

func (a *agent) putProxyInFront(context.Context, settings) error { return nil }
