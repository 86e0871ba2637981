// Answers with the columns of the table that the migrations make.
const http = require('node:http')
const { Pool } = require('pg')

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 2 })
pool.on('error', () => {})

http.createServer(async (request, response) => {
  try {
    const { rows } = await pool.query(
      `select column_name from information_schema.columns where table_name = 'Person' order by ordinal_position`)
    response.end(rows.map((row) => row.column_name).join(' '))
  } catch (error) {
    response.writeHead(500).end(error.message)
  }
}).listen(process.env.PORT)
