// Applies what is new in migrations/, in its order, and ends with 1 when one does not work: then nothing is deployed.
const fs = require('node:fs')
const path = require('node:path')

const database = process.env.DATABASE_URL

async function migrate() {
  const applied = await (await fetch(`${database}/applied`)).json()
  const wanted = fs.readdirSync('migrations').sort().filter((name) => !applied.includes(name))
  for (const name of wanted) {
    const changes = require(path.resolve('migrations', name))()
    await fetch(`${database}/apply`, { method: 'POST', body: JSON.stringify({ name, changes }) })
    console.log(`applied ${name}`)
  }
  console.log(wanted.length ? 'the database is up to date' : 'there was nothing to migrate')
}

migrate().catch((error) => {
  console.error(`migration failed: ${error.message}`)
  process.exit(1)
})
