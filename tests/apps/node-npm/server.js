const express = require('express')

const app = express()
const text = `node-npm on Express ${require('express/package.json').version}\n`
app.get(['/', '/health'], (request, response) => response.type('text').send(text))
const server = app.listen(process.env.PORT || 3000)
process.on('SIGTERM', () => server.close())
