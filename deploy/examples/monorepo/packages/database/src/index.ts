import type { Job } from '@backend/types'

// The models that the services share. They are kept in memory here, so that the example needs no server.
const jobs: Job[] = []

export function addJob(kind: string, payload: unknown): Job {
  const job = { id: jobs.length + 1, kind, payload }
  jobs.push(job)
  return job
}

export function takeJob(): Job | undefined {
  return jobs.shift()
}

export function countJobs(): number {
  return jobs.length
}
