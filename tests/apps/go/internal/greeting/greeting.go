// Package greeting says hello.
package greeting

import "runtime"

// From greets in the name of an application.
func From(name string) string {
	return "hello from " + name + ", built by " + runtime.Version() + "\n"
}
