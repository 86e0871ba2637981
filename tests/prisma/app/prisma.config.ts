// Prisma's engine for migrations as WebAssembly, which comes with the package: nothing is downloaded when it runs. It does not
// know PostgreSQL's type `name` (19), which is given to it as text (25).
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { defineConfig } from 'prisma/config'

const asText = (result: any) => {
  for (const field of result?.fields ?? []) if (field.dataTypeID === 19) field.dataTypeID = 25
  return result
}

class Client extends pg.Client {
  query(...words: any[]): any {
    const last = words[words.length - 1]
    if (typeof last === 'function') words[words.length - 1] = (error: any, result: any) => last(error, asText(result))
    const answer = (super.query as any)(...words)
    return typeof answer?.then === 'function' ? answer.then(asText) : answer
  }
}

export default defineConfig({
  experimental: { adapter: true },
  engine: 'js',
  schema: 'prisma/schema.prisma',
  adapter: async () => new PrismaPg(new pg.Pool({ connectionString: process.env.DATABASE_URL, Client } as any)),
})
