#!/usr/bin/env node
// Starts the program beside it under the name that it was called by, and ends as it ends.
'use strict'
const { spawn } = require('child_process')
const { constants } = require('os')
const path = require('path')

const called = path.basename(process.argv[1]).startsWith('railway') ? 'railway' : 'gantry'
const program = path.join(__dirname, '..', 'program', 'bin', called)
const child = spawn(program, process.argv.slice(2), { stdio: 'inherit' })

// What the terminal sends reaches the child by itself; what a CI system sends to this process alone is handed on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => {
  console.error(`error: cannot start ${program}: ${error.message}`)
  process.exit(1)
})
child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code))
