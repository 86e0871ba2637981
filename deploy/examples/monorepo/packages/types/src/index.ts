export interface Job {
  id: number
  kind: string
  payload: unknown
}

export type Answer = { status: number; body: unknown }
export type Route = (body: string) => Answer | Promise<Answer>
