#!/usr/bin/env node
// In the place of Prisma, whose engines are no npm packages: `migrate deploy` adds each migration that the file at
// $DATABASE_URL does not have yet. What is tested is the step of the workflow, not a database.
const fs = require('fs')
const path = require('path')

if (process.argv.slice(2).join(' ') !== 'migrate deploy') throw new Error(`not known here: ${process.argv.slice(2)}`)
const database = new URL(process.env.DATABASE_URL).pathname
const applied = fs.existsSync(database) ? fs.readFileSync(database, 'utf8').split('\n') : []
for (const name of fs.readdirSync(path.join(__dirname, 'migrations')).sort()) {
  if (!applied.includes(name)) fs.appendFileSync(database, `${name}\n`)
}
