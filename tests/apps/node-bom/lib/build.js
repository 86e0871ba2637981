const fs = require('fs')
fs.mkdirSync('dist', { recursive: true })
fs.copyFileSync('lib/server.js', 'dist/server.js')
